/* What the load generator can do; each mode is one file and prints one line of JSON. */
#ifndef BENCH_MODES_H
#define BENCH_MODES_H

#include "http.h"

struct options {
    struct address address;
    const char *method;
    const char *path;
    /* The body of each request; empty without --body. */
    struct text body;
    int connections;
    double seconds;
    /* So many requests, rounds or fetches instead of a time. */
    long count;
    /* Requests answer with a lease, and each fetch settles the one before. */
    bool settles;
    /* The most entries that a fetch takes. */
    int max;
    /* More members of a fetch's body, from their comma on. */
    const char *members;
    /* The entries' mode, `lease` or `consume`. */
    const char *mode;
    /* The second request: a post. */
    const char *post_path;
    struct text post_body;
    /* A path whose reply holds `expect` once the fetch waits, or that is asked before a request that
     * is held. */
    const char *check_path;
    const char *expect;
    /* What a fetch's reply must hold. */
    const char *answer;
    /* A file with a line for each session. */
    const char *sessions;
    int batch;
    int depth;
};

/* The same request again and again on many connections. */
void run_post(const struct options *options);
/* Fetches until so many have been made. */
void run_drain(const struct options *options);
/* The time from a post until a waiting fetch has its reply. */
void run_wake(const struct options *options);
/* Holds connections with a request that waits, until standard input ends; with a path to check, the
 * second request of each. */
void run_hold(const struct options *options);
/* A post, then a fetch of as many: the time of the fetch. */
void run_cycle(const struct options *options);
/* Transacts on many sessions, queued in batches and fetched with settle. */
void run_transact(const struct options *options);

/* The body of a fetch, with a settle of `lease` if that has bytes. */
void fetch_body(struct text *body, const struct options *options, struct member lease);

/* The request that settles the last batch, so that nothing stays leased. */
void rebuild_settle(struct text *request, const struct options *options, struct member lease);

int epoll_set(void);

#endif
