/* What jansson takes to parse a text and do nothing with it, or to build entries and dump them.
 *
 *     jansson_text parse FILE SECONDS
 *     jansson_text dump ENTRIES SECONDS
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void parse(const char *text, size_t count)
{
    json_error_t error;
    json_t *root = json_loadb(text, count, JSON_REJECT_DUPLICATES, &error);
    if (!root) {
        fprintf(stderr, "jansson_text: %s\n", error.text);
        exit(1);
    }
    json_decref(root);
}

/* A fetch's reply with entries as ours has them, built member by member and dumped. */
static void dump(int entries)
{
    json_t *list = json_array();
    for (int index = 0; index < entries; index++) {
        json_t *entry = json_object();
        char id[40];
        snprintf(id, sizeof id, "cmp_1a2b3c4d5e_%d", index);
        json_object_set_new(entry, "id", json_string(id));
        json_object_set_new(entry, "seq", json_integer(index));
        json_object_set_new(entry, "kind", json_string("packet"));
        json_object_set_new(entry, "key", json_string("sensor-7"));
        json_object_set_new(entry, "context", json_string("reading-000123"));
        json_object_set_new(entry, "status", json_string("ok"));
        json_object_set_new(entry, "bytes", json_integer(32));
        json_object_set_new(
            entry, "data", json_string("MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="));
        json_object_set_new(entry, "encoding", json_string("base64"));
        json_object_set_new(entry, "queued_at", json_string("2026-01-01T00:00:00.000Z"));
        json_object_set_new(entry, "delivery", json_integer(1));
        json_array_append_new(list, entry);
    }
    json_t *reply = json_object();
    json_object_set_new(reply, "reason", json_string("entries"));
    json_object_set_new(reply, "entries", list);
    free(json_dumps(reply, JSON_COMPACT));
    json_decref(reply);
}

int main(int count, char **arguments)
{
    if (count != 4) {
        fputs("jansson_text: parse FILE SECONDS, or dump ENTRIES SECONDS\n", stderr);
        return 2;
    }
    static char text[1 << 20];
    size_t length = 0;
    int entries = atoi(arguments[2]);
    int parses = strcmp(arguments[1], "parse") == 0;
    if (parses) {
        FILE *file = fopen(arguments[2], "rb");
        if (!file) return 1;
        length = fread(text, 1, sizeof text, file);
        fclose(file);
    }
    double start = now(), end = start + atof(arguments[3]);
    long times = 0;
    while (now() < end) {
        if (parses)
            parse(text, length);
        else
            dump(entries);
        times++;
    }
    double seconds = now() - start;
    printf(
        "{\"times\": %ld, \"seconds\": %.4f, \"per_second\": %.1f}\n", times, seconds,
        times / seconds);
    return 0;
}
