#define _GNU_SOURCE
#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { least_room = 4096, late_bytes = 1024 };

int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

void text_reserve(struct text *text, size_t room)
{
    if (text->room >= room) return;
    size_t wanted = text->room ? text->room : least_room;
    while (wanted < room) wanted *= 2;
    text->bytes = realloc(text->bytes, wanted);
    if (!text->bytes) fail("no memory for %zu bytes", wanted);
    text->room = wanted;
}

void text_add(struct text *text, const void *bytes, size_t count)
{
    text_reserve(text, text->count + count);
    memcpy(text->bytes + text->count, bytes, count);
    text->count += count;
}

struct text text_of_file(const char *path)
{
    struct text text = {0};
    FILE *file = fopen(path, "rb");
    if (!file) fail("%s cannot be read: %s", path, strerror(errno));
    char piece[65536];
    size_t count;
    while ((count = fread(piece, 1, sizeof piece, file)) > 0) text_add(&text, piece, count);
    fclose(file);
    return text;
}

void http_rebuild(
    struct text *request, struct address address, const char *method, const char *path,
    const char *body, size_t count)
{
    char head[512];
    int length = snprintf(
        head, sizeof head,
        "%s %s HTTP/1.1\r\nHost: %s:%d\r\nContent-Type: application/json\r\n"
        "Content-Length: %zu\r\n\r\n",
        method, path, address.host, address.port, count);
    if (length < 0 || (size_t)length >= sizeof head) fail("the path is too long");
    request->count = 0;
    text_add(request, head, length);
    if (count) text_add(request, body, count);
}

struct text http_request(
    struct address address, const char *method, const char *path, const char *body, size_t count)
{
    struct text request = {0};
    http_rebuild(&request, address, method, path, body, count);
    return request;
}

void http_connect(struct connection *connection, struct address address, int epoll)
{
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(address.port)};
    if (inet_pton(AF_INET, address.host, &peer.sin_addr) != 1)
        fail("%s is no address", address.host);
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) fail("no socket: %s", strerror(errno));
    if (connect(descriptor, (struct sockaddr *)&peer, sizeof peer) != 0)
        fail("no connection to %s:%d: %s", address.host, address.port, strerror(errno));
    int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection->descriptor = descriptor;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0)
        fail("epoll refuses a socket: %s", strerror(errno));
}

void http_close(struct connection *connection)
{
    close(connection->descriptor);
    free(connection->in.bytes);
    connection->in = (struct text){0};
}

static void watch_room(struct connection *connection, int epoll, bool wanted)
{
    if (connection->waits_for_room == wanted) return;
    connection->waits_for_room = wanted;
    struct epoll_event event = {
        .events = wanted ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = connection};
    epoll_ctl(epoll, EPOLL_CTL_MOD, connection->descriptor, &event);
}

void http_send_rest(struct connection *connection, int epoll)
{
    while (connection->out_count > 0) {
        ssize_t sent = send(
            connection->descriptor, connection->out, connection->out_count,
            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EAGAIN) {
            watch_room(connection, epoll, true);
            return;
        }
        if (sent < 0) fail("a request cannot be sent: %s", strerror(errno));
        connection->out += sent;
        connection->out_count -= sent;
    }
    watch_room(connection, epoll, false);
}

void http_send(struct connection *connection, int epoll, const char *bytes, size_t count)
{
    connection->in.count = 0;
    connection->head_end = 0;
    connection->reply_end = 0;
    connection->out = bytes;
    connection->out_count = count;
    http_send_rest(connection, epoll);
}

/* Finds the head's end and the body's length. */
static void read_head(struct connection *connection)
{
    struct text *in = &connection->in;
    const char *end = memmem(in->bytes, in->count, "\r\n\r\n", 4);
    if (!end) return;
    connection->head_end = end + 4 - in->bytes;
    size_t length = 0;
    const char *line = in->bytes;
    while (line < end) {
        const char *next = memmem(line, end + 2 - line, "\r\n", 2);
        if (!next) break;
        line = next + 2;
        if (strncasecmp(line, "content-length:", 15) == 0) {
            length = strtoul(line + 15, NULL, 10);
            break;
        }
    }
    connection->reply_end = connection->head_end + length;
    text_reserve(in, connection->reply_end + 1);
}

bool http_receive(struct connection *connection, struct reply *reply)
{
    struct text *in = &connection->in;
    text_reserve(in, in->count + least_room);
    ssize_t got = recv(
        connection->descriptor, in->bytes + in->count, in->room - in->count, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (got < 0) fail("a reply cannot be received: %s", strerror(errno));
    if (got == 0) fail("the server closed a connection");
    in->count += got;
    if (!connection->head_end) read_head(connection);
    if (!connection->head_end || in->count < connection->reply_end) return false;
    if (in->count > connection->reply_end) fail("more came than one reply");
    reply->status = in->count > 12 ? atoi(in->bytes + 9) : 0;
    reply->body = in->bytes + connection->head_end;
    reply->count = connection->reply_end - connection->head_end;
    return true;
}

struct reply http_ask(struct connection *connection, int epoll, const struct text *request)
{
    struct reply reply;
    http_send(connection, epoll, request->bytes, request->count);
    while (true) {
        struct epoll_event event;
        int count = epoll_wait(epoll, &event, 1, -1);
        if (count < 0 && errno == EINTR) continue;
        if (count != 1 || event.data.ptr != connection)
            fail("something came on another connection");
        if (event.events & EPOLLOUT) http_send_rest(connection, epoll);
        if (event.events & ~EPOLLOUT && http_receive(connection, &reply)) return reply;
    }
}

bool reply_holds(const struct reply *reply, const char *text)
{
    return memmem(reply->body, reply->count, text, strlen(text)) != NULL;
}

struct member late_member(const struct reply *reply, const char *name)
{
    struct member member = {0};
    char pattern[64];
    int length = snprintf(pattern, sizeof pattern, "\"%s\":\"", name);
    size_t skipped = reply->count > late_bytes ? reply->count - late_bytes : 0;
    const char *end = reply->body + reply->count;
    const char *found = memmem(reply->body + skipped, reply->count - skipped, pattern, length);
    if (!found) return member;
    member.bytes = found + length;
    const char *quote = memchr(member.bytes, '"', end - member.bytes);
    member.count = quote ? quote - member.bytes : 0;
    return member;
}
