#define _GNU_SOURCE
#include "devices.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "port.h"

enum { events_at_once = 256, most_sessions = 1024, most_bytes = 65536 };

struct worker;

struct session {
    int number;
    int descriptor;
    struct worker *worker;
    /* What its worker has taken; the first one is with the device. */
    struct operation *first, **end;
    struct entry *answer;

    /* What clients have left; the worker's lock guards it. */
    struct operations left;
    uint64_t last_number;
    struct session *next_marked;
    bool is_marked;
};

struct worker {
    int epoll;
    int wakeup;
    pthread_mutex_t lock;
    struct session *marked;
};

static struct session sessions[most_sessions];

/* Sends the first operation; a device takes a small request at once, or this program ends. */
static void begin(struct session *session)
{
    struct operation *operation = session->first;
    if (!operation) return;
    char key[16];
    unsigned key_count = snprintf(key, sizeof key, "%d", session->number);
    struct entry *answer = malloc(sizeof *answer + key_count + operation->exactly);
    answer->session = session->number;
    answer->operation = operation->number;
    answer->key_count = key_count;
    answer->context_count = answer->data_count = 0;
    memcpy(answer->bytes, key, key_count);
    session->answer = answer;
    ssize_t sent = send(session->descriptor, operation->bytes, operation->count, MSG_NOSIGNAL);
    if (sent != (ssize_t)operation->count) abort();
}

/* Takes what a device has sent, and begins the next operation if that ends this one. */
static void take_input(struct session *session, struct entries *ended)
{
    char bytes[most_bytes];
    ssize_t count = recv(session->descriptor, bytes, sizeof bytes, 0);
    if (count < 0 && errno == EAGAIN) return;
    struct operation *operation = session->first;
    struct entry *answer = session->answer;
    // One answer at a time is out.
    if (count <= 0 || !operation || answer->data_count + (size_t)count > operation->exactly) abort();
    memcpy(answer->bytes + answer->key_count + answer->data_count, bytes, count);
    answer->data_count += count;
    if (answer->data_count < operation->exactly) return;
    entries_add(ended, answer);
    session->first = operation->next;
    if (!session->first) session->end = &session->first;
    free(operation);
    begin(session);
}

static void take_word(struct worker *worker)
{
    uint64_t count;
    if (read(worker->wakeup, &count, sizeof count) < 0 && errno != EAGAIN) abort();
    pthread_mutex_lock(&worker->lock);
    struct session *session = worker->marked;
    worker->marked = NULL;
    while (session) {
        struct session *next = session->next_marked;
        struct operations left = session->left;
        session->left = (struct operations){0};
        session->is_marked = false;
        pthread_mutex_unlock(&worker->lock);
        bool is_idle = !session->first;
        *session->end = left.first;
        session->end = left.end;
        if (is_idle) begin(session);
        pthread_mutex_lock(&worker->lock);
        session = next;
    }
    pthread_mutex_unlock(&worker->lock);
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct epoll_event events[events_at_once];
    while (1) {
        int count = epoll_wait(worker->epoll, events, events_at_once, -1);
        struct entries ended = {0};
        for (int index = 0; index < count; index++) {
            if (events[index].data.ptr)
                take_input(events[index].data.ptr, &ended);
            else
                take_word(worker);
        }
        port_queue(ended);
    }
    return NULL;
}

static void watch(int epoll, int descriptor, void *pointer)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = pointer};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0) abort();
}

static int connected(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address) != 0) {
        perror("plain_port: connect");
        exit(1);
    }
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (fcntl(descriptor, F_SETFL, O_NONBLOCK) != 0) abort();
    return descriptor;
}

void devices_start(unsigned threads, int port, int count)
{
    struct worker *workers = calloc(threads, sizeof *workers);
    if (count > most_sessions) abort();
    for (unsigned index = 0; index < threads; index++) {
        workers[index].epoll = epoll_create1(EPOLL_CLOEXEC);
        workers[index].wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        pthread_mutex_init(&workers[index].lock, NULL);
        watch(workers[index].epoll, workers[index].wakeup, NULL);
    }
    for (int index = 0; index < count; index++) {
        struct session *session = &sessions[index];
        session->number = index;
        session->worker = &workers[index % threads];
        session->end = &session->first;
        session->descriptor = connected(port);
        watch(session->worker->epoll, session->descriptor, session);
    }
    for (unsigned index = 0; index < threads; index++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, work, &workers[index]) != 0) abort();
    }
}

uint64_t devices_submit(int number, struct operations operations, long count)
{
    struct session *session = &sessions[number];
    struct worker *worker = session->worker;
    pthread_mutex_lock(&worker->lock);
    uint64_t first = session->last_number + 1, numbered = first;
    for (struct operation *each = operations.first; each; each = each->next)
        each->number = numbered++;
    session->last_number += count;
    if (!session->left.end) session->left.end = &session->left.first;
    *session->left.end = operations.first;
    session->left.end = operations.end;
    bool is_news = !session->is_marked;
    if (is_news) {
        session->is_marked = true;
        session->next_marked = worker->marked;
        worker->marked = session;
    }
    pthread_mutex_unlock(&worker->lock);
    uint64_t one = 1;
    if (is_news && write(worker->wakeup, &one, sizeof one) < 0) abort();
    return first;
}
