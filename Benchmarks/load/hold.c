#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "modes.h"

/* A dead connection is found by the daemon's counts, which the caller looks at. */
void run_hold(const struct options *options)
{
    int epoll = epoll_set();
    struct text request = http_request(
        options->address, options->method, options->path, options->body.bytes,
        options->body.count);
    struct connection *connections = calloc(options->connections, sizeof *connections);
    struct text first = {0};
    if (options->check_path)
        first = http_request(options->address, "GET", options->check_path, NULL, 0);
    for (int index = 0; index < options->connections; index++) {
        http_connect(&connections[index], options->address, epoll);
        if (first.count) http_ask(&connections[index], epoll, &first);
        http_send(&connections[index], epoll, request.bytes, request.count);
    }
    puts("{\"sent\": true}");
    fflush(stdout);
    char byte;
    while (read(0, &byte, 1) > 0) continue;
    for (int index = 0; index < options->connections; index++) http_close(&connections[index]);
}
