/* A device that gives back what it gets, on any number of connections.
 *
 * Prints the port that it listens on, and ends with standard input.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { events_at_once = 256 };

static void watch(int epoll, int descriptor)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0) {
        perror("echo_device: epoll_ctl");
        exit(1);
    }
}

static void take_connection(int epoll, int listener)
{
    int descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (descriptor < 0) return;
    int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(epoll, descriptor);
}

static void echo(int descriptor)
{
    char bytes[65536];
    ssize_t count = recv(descriptor, bytes, sizeof bytes, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    // Its messages are small: one that the socket has no room for is a client's mistake.
    if (count <= 0 || send(descriptor, bytes, count, MSG_NOSIGNAL) != count) close(descriptor);
}

int main(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0
        || listen(listener, 16384) != 0
        || getsockname(listener, (struct sockaddr *)&address, &length) != 0) {
        perror("echo_device: listen");
        return 1;
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(epoll, listener);
    watch(epoll, 0);
    struct epoll_event events[events_at_once];
    while (1) {
        int count = epoll_wait(epoll, events, events_at_once, -1);
        for (int index = 0; index < count; index++) {
            char byte;
            int descriptor = events[index].data.fd;
            if (descriptor == listener)
                take_connection(epoll, listener);
            else if (descriptor != 0)
                echo(descriptor);
            else if (read(0, &byte, 1) <= 0)
                return 0;
        }
    }
}
