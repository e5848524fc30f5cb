/* What libmicrohttpd does when nothing is asked of it: constant replies, and suspend with resume.
 *
 *     bare_http                  as little as can be
 *     bare_http THREADS REPLY    the floor under iocpd: each body is parsed by jansson, and each
 *                                reply, the text of the file REPLY, is a response of its own with
 *                                the header fields that iocpd's have; that is all
 *
 * POST /wait is suspended until somebody's POST /wake, which resumes the newest one; GET /waiting
 * and POST /settle tell how many wait; every other POST is answered at once when its body has been read. Prints the
 * port that it listens on, and ends with standard input.
 */
#define _GNU_SOURCE
#include <jansson.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { most_waiting = 20000 };

static struct MHD_Response *accepted, *woken;
/* The reply of a floor, and its size. */
static char *floor_text;
static size_t floor_size;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct MHD_Connection *waiting[most_waiting];
static int waiting_count;

static struct MHD_Response *constant(const char *text)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(text), (void *)text, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(response, "Content-Type", "application/json");
    return response;
}

/* A reply such as iocpd's: its bytes copied, its fields added. */
static struct MHD_Response *floor_response(void)
{
    static _Thread_local unsigned long number;
    char id[32];
    snprintf(id, sizeof id, "req-%016lx", ++number);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(floor_size, floor_text, MHD_RESPMEM_MUST_COPY);
    MHD_add_response_header(response, "Content-Type", "application/json");
    MHD_add_response_header(response, "X-Request-Id", id);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    return response;
}

static enum MHD_Result reply(struct MHD_Connection *connection, struct MHD_Response *constant)
{
    if (!floor_text) return MHD_queue_response(connection, 200, constant);
    struct MHD_Response *response = floor_response();
    enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result tell_waiting(struct MHD_Connection *connection)
{
    char text[64];
    pthread_mutex_lock(&lock);
    int length = snprintf(text, sizeof text, "{\"waiting\":%d,\"queued\":0}\n", waiting_count);
    pthread_mutex_unlock(&lock);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(length, text, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result wait_for_wake(struct MHD_Connection *connection)
{
    pthread_mutex_lock(&lock);
    if (waiting_count == most_waiting) abort();
    waiting[waiting_count++] = connection;
    MHD_suspend_connection(connection);
    pthread_mutex_unlock(&lock);
    return MHD_YES;
}

static void wake_newest(void)
{
    pthread_mutex_lock(&lock);
    struct MHD_Connection *newest = waiting_count ? waiting[--waiting_count] : NULL;
    pthread_mutex_unlock(&lock);
    if (!newest) return;
    reply(newest, woken);
    MHD_resume_connection(newest);
}

/* A request's body, as far as it has come. */
struct body {
    size_t count;
    size_t room;
    char bytes[];
};

static void take(struct body **body, const char *data, size_t size)
{
    if (!floor_text) return;
    if ((*body)->room - (*body)->count < size) {
        size_t room = 2 * (*body)->room + size;
        *body = realloc(*body, sizeof **body + room);
        (*body)->room = room;
    }
    memcpy((*body)->bytes + (*body)->count, data, size);
    (*body)->count += size;
}

static void parse(const struct body *body)
{
    if (!floor_text || !body->count) return;
    json_t *root = json_loadb(
        body->bytes, body->count, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
    if (!root) abort();
    json_decref(root);
}

static enum MHD_Result answer(
    void *context, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *data, size_t *size, void **request)
{
    (void)context, (void)version;
    static struct body seen;
    if (!*request) {
        *request = floor_text ? calloc(1, sizeof(struct body)) : &seen;
        return MHD_YES;
    }
    if (*size) {
        take((struct body **)request, data, *size);
        *size = 0;
        return MHD_YES;
    }
    parse(*request);
    if (strcmp(method, "GET") == 0) return tell_waiting(connection);
    if (strcmp(url, "/settle") == 0) return tell_waiting(connection);
    if (strcmp(url, "/wait") == 0) return wait_for_wake(connection);
    if (strcmp(url, "/wake") == 0) wake_newest();
    return reply(connection, accepted);
}

static void forget(
    void *context, struct MHD_Connection *connection, void **request,
    enum MHD_RequestTerminationCode code)
{
    (void)context, (void)connection, (void)code;
    if (floor_text) free(*request);
}

static void read_floor(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    floor_text = malloc(1 << 20);
    floor_size = fread(floor_text, 1, 1 << 20, file);
    fclose(file);
}

int main(int count, char **arguments)
{
    unsigned threads = count > 1 ? atoi(arguments[1]) : 1;
    if (count > 2) read_floor(arguments[2]);
    accepted = constant("{\"accepted\":1}\n");
    woken = constant("{\"reason\":\"entries\",\"entries\":[]}\n");
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_SOCK_ADDR, 0, &address},
        {MHD_OPTION_CONNECTION_LIMIT, most_waiting, NULL},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)forget, NULL},
        {threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, threads, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO, 0, NULL, NULL,
        answer, NULL, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    if (!daemon) {
        fputs("bare_http: libmicrohttpd does not start\n", stderr);
        return 1;
    }
    printf("%d\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    char byte;
    while (read(0, &byte, 1) > 0) continue;
    // Clients that still wait are gone by now, and nothing is left to be told.
    _exit(0);
}
