/* The port: entries in their order, batches that clients hold, fetches that wait. */
#ifndef PLAIN_PORT_H
#define PLAIN_PORT_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

struct entry {
    struct entry *next;
    uint64_t seq;
    int64_t queued_at;
    /* The session and the number of a transact; a packet has none. */
    int session;
    uint64_t operation;
    unsigned key_count;
    unsigned context_count;
    unsigned data_count;
    /* The key, the context, the data. */
    char bytes[];
};

struct entries {
    struct entry *first;
    struct entry **end;
    long count;
};

/* A fetch, which waits or not. */
struct fetch {
    struct fetch *next;
    struct MHD_Connection *connection;
    long most;
    bool is_utf8;
    bool may_wait;
};

void entries_add(struct entries *entries, struct entry *entry);

/* Queues entries, and answers fetches that wait. */
void port_queue(struct entries entries);

/* Frees the entries of a batch. */
void port_settle(uint64_t lease);

/* Answers a fetch with what there is, or lets it wait: its connection is suspended then. */
enum MHD_Result port_fetch(struct fetch fetch);

/* How many fetches wait, and how many entries nobody has been given. */
struct counts {
    long waiting;
    long queued;
};

struct counts port_counts(void);

/* Queues a reply whose text is the response's from here on. */
enum MHD_Result answer_with(
    struct MHD_Connection *connection, unsigned status, char *bytes, size_t count);

#endif
