#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "histogram.h"
#include "modes.h"

/* Keeps every session's queue filled by posts of a batch of operations each, and takes the entries
 * with a fetch that settles the batch before. A session's key in its entries is its number. */

enum { events_at_once = 64, most_sessions = 16384, posters = 4, fetchers = 2 };

struct session {
    struct text request;
    int outstanding;
    bool is_queued;
};

static struct session sessions[most_sessions];
static int session_count;
/* Sessions with room for a batch, in turn. */
static int ready[most_sessions];
static int ready_first, ready_count;

struct fetcher {
    struct text body;
    struct text request;
};

static struct connection connections[posters + fetchers];
static struct fetcher fetching[fetchers];
static bool is_posting[posters];

static void read_sessions(const struct options *options)
{
    struct text names = text_of_file(options->sessions);
    text_add(&names, "", 1);
    for (char *name = strtok(names.bytes, "\n"); name; name = strtok(NULL, "\n")) {
        if (session_count == most_sessions) fail("there are too many sessions");
        char path[256];
        snprintf(path, sizeof path, "/v1/sessions/%s/operations", name);
        sessions[session_count++].request = http_request(
            options->address, "POST", path, options->body.bytes, options->body.count);
    }
}

static void offer(int index, const struct options *options)
{
    struct session *session = &sessions[index];
    if (session->is_queued || session->outstanding + options->batch > options->depth) return;
    session->is_queued = true;
    ready[(ready_first + ready_count++) % most_sessions] = index;
}

static void post_next(int poster, int epoll, const struct options *options)
{
    if (is_posting[poster] || ready_count == 0) return;
    struct session *session = &sessions[ready[ready_first]];
    ready_first = (ready_first + 1) % most_sessions;
    ready_count--;
    session->is_queued = false;
    session->outstanding += options->batch;
    is_posting[poster] = true;
    http_send(&connections[poster], epoll, session->request.bytes, session->request.count);
}

static void fetch_next(int index, int epoll, const struct options *options, struct member lease)
{
    struct fetcher *fetcher = &fetching[index - posters];
    fetch_body(&fetcher->body, options, lease);
    http_rebuild(
        &fetcher->request, options->address, "POST", options->path, fetcher->body.bytes,
        fetcher->body.count);
    http_send(&connections[index], epoll, fetcher->request.bytes, fetcher->request.count);
}

/* Takes note of the entries of a reply; how many there were. */
static long take_entries(const struct reply *reply, const struct options *options, bool is_ending)
{
    static const char mark[] = "\"key\":\"";
    long entries = 0;
    const char *at = reply->body, *end = reply->body + reply->count;
    while ((at = memmem(at, end - at, mark, sizeof mark - 1))) {
        at += sizeof mark - 1;
        int index = atoi(at);
        if (index < 0 || index >= session_count) fail("an entry of a strange session");
        sessions[index].outstanding--;
        entries++;
        if (!is_ending) offer(index, options);
    }
    return entries;
}

void run_transact(const struct options *options)
{
    int epoll = epoll_set();
    read_sessions(options);
    for (int index = 0; index < posters + fetchers; index++) {
        connections[index].index = index;
        http_connect(&connections[index], options->address, epoll);
    }
    for (int index = posters; index < posters + fetchers; index++)
        fetch_next(index, epoll, options, (struct member){0});
    for (int index = 0; index < session_count; index++) offer(index, options);

    // The queues fill first; that is not measured.
    int64_t start = now() + 200000000, end = start + (int64_t)(options->seconds * 1e9);
    long measured = 0, posts = 0, fetches = 0, left = 0;
    struct epoll_event events[events_at_once];
    bool is_ending = false;
    do {
        for (int poster = 0; poster < posters && !is_ending; poster++)
            post_next(poster, epoll, options);
        int count = epoll_wait(epoll, events, events_at_once, -1);
        int64_t moment = now();
        is_ending = moment >= end;
        for (int event = 0; event < count; event++) {
            struct connection *connection = events[event].data.ptr;
            struct reply reply;
            if (events[event].events & EPOLLOUT) http_send_rest(connection, epoll);
            if (!(events[event].events & ~EPOLLOUT)) continue;
            if (!http_receive(connection, &reply)) continue;
            if (connection->index < posters) {
                if (reply.status != 202) fail("operations were answered %d", reply.status);
                is_posting[connection->index] = false;
                posts++;
                continue;
            }
            if (reply.status != 200) fail("a fetch was answered %d", reply.status);
            long entries = take_entries(&reply, options, is_ending);
            fetches++;
            if (moment >= start && !is_ending) measured += entries;
            fetch_next(connection->index, epoll, options, late_member(&reply, "lease"));
        }
        left = 0;
        for (int index = 0; is_ending && index < session_count; index++)
            left += sessions[index].outstanding;
    } while (!is_ending || left > 0);
    printf(
        "{\"transacts\": %ld, \"seconds\": %.4f, \"per_second\": %.1f, \"posts\": %ld, "
        "\"fetches\": %ld}\n",
        measured, options->seconds, measured / options->seconds, posts, fetches);
}
