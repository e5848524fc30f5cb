#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "histogram.h"
#include "modes.h"

static struct histogram latencies;

/* Posts, and waits for both replies; the time until the fetch had its own. */
static int64_t wake(
    const struct options *options, int epoll, struct connection *poster,
    const struct text *post, struct reply *fetched)
{
    int64_t start = now(), woken = 0;
    bool is_posted = false;
    http_send(poster, epoll, post->bytes, post->count);
    while (!woken || !is_posted) {
        struct epoll_event events[2];
        int count = epoll_wait(epoll, events, 2, -1);
        for (int index = 0; index < count; index++) {
            struct reply reply;
            if (!http_receive(events[index].data.ptr, &reply)) continue;
            if (reply.status / 100 != 2) fail("a request was answered %d", reply.status);
            if (events[index].data.ptr == poster) {
                is_posted = true;
            } else {
                woken = now();
                *fetched = reply;
            }
        }
    }
    if (options->answer && !reply_holds(fetched, options->answer))
        fail("a fetch came back without %s", options->answer);
    return woken - start;
}

void run_wake(const struct options *options)
{
    int epoll = epoll_set();
    struct connection waiter = {0}, poster = {0};
    http_connect(&waiter, options->address, epoll);
    http_connect(&poster, options->address, epoll);
    struct text post = http_request(
        options->address, "POST", options->post_path, options->post_body.bytes,
        options->post_body.count);
    struct text check = http_request(options->address, "GET", options->check_path, NULL, 0);
    struct text body = {0}, fetch = {0};
    char lease[128];
    struct member last = {0};
    long checks = 0;
    for (long round = 0; round < options->count; round++) {
        fetch_body(&body, options, last);
        http_rebuild(&fetch, options->address, "POST", options->path, body.bytes, body.count);
        http_send(&waiter, epoll, fetch.bytes, fetch.count);
        struct reply reply;
        do {
            reply = http_ask(&poster, epoll, &check);
            checks++;
        } while (!reply_holds(&reply, options->expect));
        int64_t time = wake(options, epoll, &poster, &post, &reply);
        // The first rounds find cold caches.
        if (round >= options->count / 10) histogram_add(&latencies, time);
        last = late_member(&reply, "lease");
        if (last.count >= sizeof lease) fail("the lease is too long");
        memcpy(lease, last.bytes ? last.bytes : "", last.count);
        last.bytes = lease;
    }
    if (last.count) {
        rebuild_settle(&fetch, options, last);
        http_ask(&poster, epoll, &fetch);
    }
    printf("{\"rounds\": %ld, \"checks\": %ld, ", options->count, checks);
    histogram_print(&latencies);
    puts("}");
}
