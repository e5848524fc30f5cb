#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "histogram.h"
#include "modes.h"

enum { events_at_once = 256 };

/* A connection and the fetch that it sends. */
struct fetcher {
    struct connection connection;
    struct text body;
    struct text request;
};

static struct histogram latencies;
static long sent, settled;

static bool send_next(
    struct fetcher *fetcher, int epoll, const struct options *options, struct member lease)
{
    if (sent >= options->count) {
        if (!lease.count) return false;
        settled++;
        rebuild_settle(&fetcher->request, options, lease);
    } else {
        sent++;
        fetcher->body.count = 0;
        if (options->settles || options->mode) fetch_body(&fetcher->body, options, lease);
        http_rebuild(
            &fetcher->request, options->address, options->method, options->path,
            fetcher->body.bytes, fetcher->body.count);
    }
    fetcher->connection.started = now();
    http_send(&fetcher->connection, epoll, fetcher->request.bytes, fetcher->request.count);
    return true;
}

void run_drain(const struct options *options)
{
    int epoll = epoll_set();
    struct fetcher *fetchers = calloc(options->connections, sizeof *fetchers);
    for (int index = 0; index < options->connections; index++) {
        fetchers[index].connection.extra = &fetchers[index];
        http_connect(&fetchers[index].connection, options->address, epoll);
    }
    int64_t start = now();
    uint64_t bytes = 0;
    int busy = 0;
    for (int index = 0; index < options->connections; index++)
        busy += send_next(&fetchers[index], epoll, options, (struct member){0});
    struct epoll_event events[events_at_once];
    while (busy > 0) {
        int count = epoll_wait(epoll, events, events_at_once, -1);
        for (int index = 0; index < count; index++) {
            struct connection *connection = events[index].data.ptr;
            struct reply reply;
            if (!http_receive(connection, &reply)) continue;
            if (reply.status != 200) fail("a fetch was answered %d", reply.status);
            bytes += reply.count;
            histogram_add(&latencies, now() - connection->started);
            struct member lease = {0};
            if (options->settles) lease = late_member(&reply, "lease");
            if (!send_next(connection->extra, epoll, options, lease)) busy--;
        }
    }
    double seconds = (now() - start) / 1e9;
    printf(
        "{\"requests\": %ld, \"settles\": %ld, \"bytes\": %lu, \"seconds\": %.4f, "
        "\"per_second\": %.1f, ",
        sent, settled, bytes, seconds, sent / seconds);
    histogram_print(&latencies);
    puts("}");
}
