// libmicrohttpd as Swift can use it: its variadic calls, which Swift cannot import, with types.
#ifndef IOCPD_CMICROHTTPD_SHIM_H
#define IOCPD_CMICROHTTPD_SHIM_H

#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/// Takes one of the library's own log lines.
typedef void (*iocpd_mhd_line)(void *context, const char *line);

/// Where the library's log lines go.
struct iocpd_mhd_logger {
    iocpd_mhd_line take;
    void *context;
};

/// What a daemon is started with; `context` is the first argument of every callback.
struct iocpd_mhd_setup {
    void *context;
    MHD_AccessHandlerCallback access;
    void *(*target)(void *context, const char *target, struct MHD_Connection *connection);
    MHD_RequestCompletedCallback completed;
    MHD_NotifyConnectionCallback connection;
    struct iocpd_mhd_logger *logger;
    unsigned int connection_limit;
    unsigned int timeout_seconds;
    size_t memory_bytes;
};

static void iocpd_mhd_log(void *context, const char *format, va_list arguments) {
    struct iocpd_mhd_logger *logger = context;
    char line[512];
    vsnprintf(line, sizeof line, format, arguments);
    logger->take(logger->context, line);
}

/// Starts a daemon that has an epoll set, but neither a thread nor a listening socket: one thread
/// gives it connections by MHD_add_connection, and calls MHD_run when its set has events.
/// `setup` need not outlive the call, but `setup->logger` must.
static inline struct MHD_Daemon *iocpd_mhd_start(const struct iocpd_mhd_setup *setup) {
    unsigned int flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME
        | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG;
    return MHD_start_daemon(
        flags, 0, NULL, NULL, setup->access, setup->context,
        MHD_OPTION_EXTERNAL_LOGGER, &iocpd_mhd_log, setup->logger,
        MHD_OPTION_URI_LOG_CALLBACK, setup->target, setup->context,
        MHD_OPTION_NOTIFY_COMPLETED, setup->completed, setup->context,
        MHD_OPTION_NOTIFY_CONNECTION, setup->connection, setup->context,
        MHD_OPTION_CONNECTION_LIMIT, setup->connection_limit,
        MHD_OPTION_CONNECTION_TIMEOUT, setup->timeout_seconds,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, setup->memory_bytes,
        MHD_OPTION_END);
}

/// The daemon's epoll set; -1 if it has none.
static inline int iocpd_mhd_epoll_set(struct MHD_Daemon *daemon) {
    const union MHD_DaemonInfo *found = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
    return found == NULL ? -1 : found->epoll_fd;
}

/// The connection's descriptor.
static inline int iocpd_mhd_descriptor(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *found
        = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return found == NULL ? -1 : found->connect_fd;
}

/// What NOTIFY_CONNECTION kept with the connection.
static inline void *iocpd_mhd_context(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *found
        = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return found == NULL ? NULL : found->socket_context;
}

/// The other side's address, or NULL.
static inline const struct sockaddr *iocpd_mhd_peer(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *found
        = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return found == NULL ? NULL : found->client_addr;
}

/// Ends the target that the target callback was given after its question mark, so that the library
/// does not split the query itself: the text is its own buffer, which it decodes in place next,
/// and with some hundreds of pairs it would run out of memory and never answer.
static inline void iocpd_mhd_hide_query(const char *question_mark) {
    ((char *)question_mark)[1] = '\0';
}

/// Whether a descriptor's other side has closed, or at least finished sending.
static inline int iocpd_peer_is_gone(int descriptor) {
    struct pollfd watched = {.fd = descriptor, .events = 0x2000 /* POLLRDHUP */};
    return poll(&watched, 1, 0) > 0;
}

/// The bytes that a TCP socket's other side has acknowledged, and those received from it, since
/// the connection began. Gives 0, or -1 for another kind of socket.
static inline int iocpd_tcp_progress(int descriptor, uint64_t *acknowledged, uint64_t *received) {
    // The kernel's tcp_info is longer than the one in the C library's header.
    unsigned char facts[160];
    socklen_t length = sizeof facts;
    if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, facts, &length) != 0 || length < 136) {
        return -1;
    }
    memcpy(acknowledged, facts + 120, sizeof *acknowledged);
    memcpy(received, facts + 128, sizeof *received);
    return 0;
}

#endif
