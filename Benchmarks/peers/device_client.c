/* What a C program gets out of a device: one request in flight on each of many connections.
 *
 *     device_client PORT CONNECTIONS BYTES SECONDS
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { events_at_once = 256, most_bytes = 65536 };

struct link {
    int descriptor;
    int received;
};

static char request[most_bytes];

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void stop(const char *what)
{
    fprintf(stderr, "device_client: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void open_link(struct link *link, int port, int epoll)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    link->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(link->descriptor, (struct sockaddr *)&address, sizeof address) != 0)
        stop("no connection");
    int on = 1;
    setsockopt(link->descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = link};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, link->descriptor, &event) != 0) stop("epoll_ctl");
}

static void ask(struct link *link, int bytes)
{
    link->received = 0;
    if (send(link->descriptor, request, bytes, MSG_NOSIGNAL) != bytes) stop("send");
}

int main(int count, char **arguments)
{
    if (count != 5) {
        fputs("device_client: PORT CONNECTIONS BYTES SECONDS\n", stderr);
        return 2;
    }
    int links = atoi(arguments[2]), bytes = atoi(arguments[3]);
    memset(request, 'a', sizeof request);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct link *all = calloc(links, sizeof *all);
    for (int index = 0; index < links; index++) open_link(&all[index], atoi(arguments[1]), epoll);
    double start = now(), end = start + atof(arguments[4]);
    for (int index = 0; index < links; index++) ask(&all[index], bytes);
    long trips = 0;
    struct epoll_event events[events_at_once];
    while (now() < end) {
        int ready = epoll_wait(epoll, events, events_at_once, -1);
        for (int index = 0; index < ready; index++) {
            struct link *link = events[index].data.ptr;
            char answer[most_bytes];
            ssize_t got = recv(link->descriptor, answer, bytes - link->received, MSG_DONTWAIT);
            if (got <= 0) stop("recv");
            link->received += got;
            if (link->received < bytes) continue;
            trips++;
            ask(link, bytes);
        }
    }
    double seconds = now() - start;
    printf(
        "{\"trips\": %ld, \"seconds\": %.4f, \"per_second\": %.1f}\n", trips, seconds,
        trips / seconds);
    return 0;
}
