/* A small HTTP/1.1 client over epoll: one request at a time on each connection, kept alive.
 *
 * It is light on purpose. Client and server share the processors, so what the client takes is
 * missing from both sides of a ratio.
 */
#ifndef BENCH_HTTP_H
#define BENCH_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that grow. */
struct text {
    char *bytes;
    size_t count;
    size_t room;
};

void text_reserve(struct text *text, size_t room);
void text_add(struct text *text, const void *bytes, size_t count);

/* A file as bytes; ends the program if it cannot be read. */
struct text text_of_file(const char *path);

struct connection {
    int descriptor;
    /* What is being sent: not owned. */
    const char *out;
    size_t out_count;
    bool waits_for_room;
    /* The reply so far. */
    struct text in;
    size_t head_end;
    size_t reply_end;
    /* The caller's own. */
    int64_t started;
    int index;
    void *extra;
};

/* The reply that `http_receive` found to be complete. */
struct reply {
    int status;
    const char *body;
    size_t count;
};

struct address {
    const char *host;
    int port;
};

/* Nanoseconds of the monotonic clock. */
int64_t now(void);

/* Says what went wrong, and ends the program with 1. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Builds a request. */
struct text http_request(
    struct address address, const char *method, const char *path, const char *body, size_t count);

/* Builds a request into `request`, which is emptied first. */
void http_rebuild(
    struct text *request, struct address address, const char *method, const char *path,
    const char *body, size_t count);

/* Connects, and adds the connection to the epoll set with itself as data. */
void http_connect(struct connection *connection, struct address address, int epoll);

void http_close(struct connection *connection);

/* Sends a request; the bytes must stay until the reply has come. */
void http_send(struct connection *connection, int epoll, const char *bytes, size_t count);

/* Goes on sending, after EPOLLOUT. */
void http_send_rest(struct connection *connection, int epoll);

/* Takes what has come; true if the reply is complete. The reply is valid until the next request. */
bool http_receive(struct connection *connection, struct reply *reply);

/* Sends a request and waits for its reply, and for nothing else. */
struct reply http_ask(struct connection *connection, int epoll, const struct text *request);

/* Whether the body holds these bytes. */
bool reply_holds(const struct reply *reply, const char *text);

/* A string member near the body's end, as a lease is; `count` is 0 if there is none. */
struct member {
    const char *bytes;
    size_t count;
};
struct member late_member(const struct reply *reply, const char *name);

#endif
