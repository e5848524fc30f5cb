/* Sessions on one device, each with its operations in their order. */
#ifndef PLAIN_DEVICES_H
#define PLAIN_DEVICES_H

#include <stddef.h>
#include <stdint.h>

struct operation {
    struct operation *next;
    uint64_t number;
    size_t exactly;
    size_t count;
    char bytes[];
};

struct operations {
    struct operation *first;
    struct operation **end;
};

/* Connects so many sessions, and starts so many threads that serve them. */
void devices_start(unsigned threads, int port, int sessions);

/* Gives operations to a session; the number of the first one. They are the session's from then on. */
uint64_t devices_submit(int session, struct operations operations, long count);

#endif
