#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "histogram.h"
#include "modes.h"

enum { events_at_once = 256 };

static struct histogram latencies;

/* Sends the request again unless enough have been sent. */
static bool send_next(
    struct connection *connection, int epoll, const struct text *request,
    const struct options *options, int64_t end, long *sent)
{
    int64_t moment = now();
    if (options->count ? *sent >= options->count : moment >= end) return false;
    (*sent)++;
    connection->started = moment;
    http_send(connection, epoll, request->bytes, request->count);
    return true;
}

void run_post(const struct options *options)
{
    int epoll = epoll_set();
    struct text request = http_request(
        options->address, options->method, options->path, options->body.bytes,
        options->body.count);
    struct connection *connections = calloc(options->connections, sizeof *connections);
    for (int index = 0; index < options->connections; index++)
        http_connect(&connections[index], options->address, epoll);

    int64_t start = now();
    int64_t end = start + (int64_t)(options->seconds * 1e9);
    long sent = 0, refused = 0;
    int busy = 0;
    for (int index = 0; index < options->connections; index++)
        busy += send_next(&connections[index], epoll, &request, options, end, &sent);
    struct epoll_event events[events_at_once];
    while (busy > 0) {
        int count = epoll_wait(epoll, events, events_at_once, -1);
        for (int index = 0; index < count; index++) {
            struct connection *connection = events[index].data.ptr;
            struct reply reply;
            if (events[index].events & EPOLLOUT) http_send_rest(connection, epoll);
            if (!(events[index].events & ~EPOLLOUT)) continue;
            if (!http_receive(connection, &reply)) continue;
            if (reply.status / 100 != 2) refused++;
            histogram_add(&latencies, now() - connection->started);
            if (!send_next(connection, epoll, &request, options, end, &sent)) busy--;
        }
    }
    double seconds = (now() - start) / 1e9;
    for (int index = 0; index < options->connections; index++) http_close(&connections[index]);
    printf(
        "{\"requests\": %ld, \"refused\": %ld, \"seconds\": %.4f, \"per_second\": %.1f, ", sent,
        refused, seconds, sent / seconds);
    histogram_print(&latencies);
    puts("}");
}
