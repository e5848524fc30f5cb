#include <stdio.h>
#include <string.h>

#include "histogram.h"
#include "modes.h"

static struct histogram latencies;

void run_cycle(const struct options *options)
{
    int epoll = epoll_set();
    struct connection connection = {0};
    http_connect(&connection, options->address, epoll);
    struct text post = http_request(
        options->address, "POST", options->post_path, options->post_body.bytes,
        options->post_body.count);
    struct text body = {0}, fetch = {0};
    char lease[128];
    struct member last = {0};
    for (long round = 0; round < options->count; round++) {
        struct reply reply = http_ask(&connection, epoll, &post);
        if (reply.status != 200) fail("a post was answered %d", reply.status);
        fetch_body(&body, options, last);
        http_rebuild(&fetch, options->address, "POST", options->path, body.bytes, body.count);
        int64_t start = now();
        reply = http_ask(&connection, epoll, &fetch);
        int64_t time = now() - start;
        if (reply.status != 200 || !reply_holds(&reply, "\"reason\":\"entries\""))
            fail("a fetch brought no entries");
        if (round >= options->count / 10) histogram_add(&latencies, time);
        last = late_member(&reply, "lease");
        if (last.count >= sizeof lease) fail("the lease is too long");
        memcpy(lease, last.bytes ? last.bytes : "", last.count);
        last.bytes = lease;
    }
    if (last.count) {
        rebuild_settle(&fetch, options, last);
        http_ask(&connection, epoll, &fetch);
    }
    printf("{\"rounds\": %ld, ", options->count);
    histogram_print(&latencies);
    puts("}");
}
