/* A port without rules: the work that iocpd's rows ask for, in C on the same two libraries.
 *
 *     plain_port THREADS [DEVICE SESSIONS]
 *
 * Packets are parsed, queued, fetched in batches, held until they are settled and freed; fetches
 * wait; transacts go to a device on this machine and come back as entries; replies have the
 * members and the header fields of iocpd's. What makes iocpd one is left out: nothing expires, is
 * limited, counted, refused, cancelled or told twice, and what comes wrong ends the program. So it
 * tells how much of a row's time is the work itself.
 *
 * THREADS serve clients, and as many the SESSIONS, which are named by their numbers from 0. Prints
 * the port that it listens on, and ends with standard input.
 */
#include <jansson.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "devices.h"
#include "port.h"
#include "text.h"

enum { most_connections = 1024 };

static const char *member(json_t *object, const char *name, size_t *count)
{
    json_t *value = json_object_get(object, name);
    if (!value) {
        *count = 0;
        return "";
    }
    if (!json_is_string(value)) abort();
    *count = json_string_length(value);
    return json_string_value(value);
}

static enum MHD_Result post_packets(struct MHD_Connection *connection, json_t *body)
{
    struct entries entries = {0};
    size_t index;
    json_t *packet;
    json_array_foreach(json_object_get(body, "packets"), index, packet) {
        size_t key_count, context_count, data_count;
        const char *key = member(packet, "key", &key_count);
        const char *context = member(packet, "context", &context_count);
        const char *data = member(packet, "data", &data_count);
        struct entry *entry =
            malloc(sizeof *entry + key_count + context_count + data_count / 4 * 3);
        entry->session = -1;
        entry->key_count = key_count;
        entry->context_count = context_count;
        memcpy(entry->bytes, key, key_count);
        memcpy(entry->bytes + key_count, context, context_count);
        entry->data_count = base64_decode(
            data, data_count, (unsigned char *)entry->bytes + key_count + context_count);
        entries_add(&entries, entry);
    }
    struct text text = {0};
    text_put(&text, "{\"accepted\":");
    text_number(&text, entries.count);
    text_put(&text, "}\n");
    port_queue(entries);
    return answer_with(connection, 200, text.bytes, text.count);
}

/* Settles the batch that a body names, if it names one. */
static void settle(json_t *named)
{
    size_t count;
    const char *lease = member(named, "lease", &count), *number = strrchr(lease, '_');
    if (number) port_settle(strtoull(number + 1, NULL, 10));
}

static enum MHD_Result fetch(struct MHD_Connection *connection, json_t *body)
{
    settle(json_object_get(body, "settle"));
    size_t count;
    return port_fetch((struct fetch){
        .connection = connection,
        .most = json_integer_value(json_object_get(body, "max")),
        .is_utf8 = strcmp(member(body, "encoding", &count), "utf8") == 0,
        .may_wait = json_integer_value(json_object_get(body, "wait_ms")) > 0,
    });
}

static enum MHD_Result post_operations(
    struct MHD_Connection *connection, const char *url, json_t *body)
{
    int session = atoi(url + strlen("/v1/sessions/"));
    struct operations operations = {0};
    operations.end = &operations.first;
    long accepted = 0;
    size_t index;
    json_t *wanted;
    json_array_foreach(json_object_get(body, "operations"), index, wanted) {
        size_t count, op_count, encoding_count;
        const char *data = member(wanted, "data", &count);
        if (strcmp(member(wanted, "op", &op_count), "transact") != 0
            || strcmp(member(wanted, "encoding", &encoding_count), "utf8") != 0)
            abort();
        struct operation *operation = malloc(sizeof *operation + count);
        operation->next = NULL;
        operation->exactly = json_integer_value(json_object_get(wanted, "exactly"));
        operation->count = count;
        memcpy(operation->bytes, data, count);
        *operations.end = operation;
        operations.end = &operation->next;
        accepted++;
    }
    if (!accepted) abort();
    uint64_t number = devices_submit(session, operations, accepted);
    struct text text = {0};
    text_reserve(&text, 32 + 96 * accepted);
    text_put(&text, "{\"operations\":[");
    for (long each = 0; each < accepted; each++) {
        text_put(&text, "{\"operation\":\"op_000000000000_");
        text_number(&text, number + each);
        text_put(&text, "\",\"op\":\"transact\",\"state\":\"pending\"},");
    }
    text.count--;
    text_put(&text, "]}\n");
    return answer_with(connection, 202, text.bytes, text.count);
}

static enum MHD_Result tell_port(struct MHD_Connection *connection)
{
    struct counts counts = port_counts();
    struct text text = {0};
    text_put(&text, "{\"waiting\":");
    text_number(&text, counts.waiting);
    text_put(&text, ",\"queued\":");
    text_number(&text, counts.queued);
    text_put(&text, "}\n");
    return answer_with(connection, 200, text.bytes, text.count);
}

static enum MHD_Result respond(
    struct MHD_Connection *connection, const char *url, const char *method, json_t *body)
{
    const char *verb = strrchr(url, '/');
    if (strcmp(method, "GET") == 0) return tell_port(connection);
    if (strcmp(verb, "/packets") == 0) return post_packets(connection, body);
    if (strcmp(verb, "/completions:fetch") == 0) return fetch(connection, body);
    if (strcmp(verb, "/operations") == 0) return post_operations(connection, url, body);
    if (strcmp(verb, "/completions:settle") != 0) abort();
    settle(body);
    return tell_port(connection);
}

static enum MHD_Result answer(
    void *context, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *data, size_t *size, void **request)
{
    (void)context, (void)version;
    struct text *body = *request;
    if (!body) {
        *request = calloc(1, sizeof *body);
        return MHD_YES;
    }
    if (*size) {
        text_add(body, data, *size);
        *size = 0;
        return MHD_YES;
    }
    json_t *root = NULL;
    if (body->count) {
        root = json_loadb(
            body->bytes, body->count, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY,
            NULL);
        if (!root) abort();
    }
    enum MHD_Result result = respond(connection, url, method, root);
    json_decref(root);
    return result;
}

static void forget(
    void *context, struct MHD_Connection *connection, void **request,
    enum MHD_RequestTerminationCode code)
{
    (void)context, (void)connection, (void)code;
    struct text *body = *request;
    if (body) free(body->bytes);
    free(body);
}

int main(int count, char **arguments)
{
    unsigned threads = count > 1 ? atoi(arguments[1]) : 1;
    if (count > 3) devices_start(threads, atoi(arguments[2]), atoi(arguments[3]));
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_SOCK_ADDR, 0, &address},
        {MHD_OPTION_CONNECTION_LIMIT, most_connections, NULL},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)forget, NULL},
        {threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, threads, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO, 0, NULL, NULL,
        answer, NULL, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    if (!daemon) {
        fputs("plain_port: libmicrohttpd does not start\n", stderr);
        return 1;
    }
    printf("%d\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    char byte;
    while (read(0, &byte, 1) > 0) continue;
    // Clients that still wait are gone by now, and nothing is left to be told.
    _exit(0);
}
