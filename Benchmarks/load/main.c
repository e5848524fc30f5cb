#define _GNU_SOURCE
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "modes.h"

struct mode {
    const char *name;
    void (*run)(const struct options *);
};

static const struct mode modes[] = {
    {"post", run_post}, {"drain", run_drain}, {"wake", run_wake},
    {"hold", run_hold}, {"cycle", run_cycle}, {"transact", run_transact},
};

int epoll_set(void)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) fail("no epoll set");
    return epoll;
}

void fetch_body(struct text *body, const struct options *options, struct member lease)
{
    char text[256];
    body->count = 0;
    int length = snprintf(text, sizeof text, "{\"max\":%d", options->max);
    text_add(body, text, length);
    if (options->members) text_add(body, options->members, strlen(options->members));
    if (options->mode) {
        length = snprintf(text, sizeof text, ",\"mode\":\"%s\"", options->mode);
        text_add(body, text, length);
    }
    if (options->settles && lease.count) {
        length = snprintf(
            text, sizeof text, ",\"settle\":{\"lease\":\"%.*s\",\"ack\":\"all\"}",
            (int)lease.count, lease.bytes);
        text_add(body, text, length);
    }
    text_add(body, "}", 1);
}

void rebuild_settle(struct text *request, const struct options *options, struct member lease)
{
    static const char verb[] = "fetch";
    char path[256], body[256];
    int kept = (int)(strlen(options->path) - strlen(verb));
    snprintf(path, sizeof path, "%.*ssettle", kept, options->path);
    int length = snprintf(
        body, sizeof body, "{\"lease\":\"%.*s\",\"ack\":\"all\"}", (int)lease.count, lease.bytes);
    http_rebuild(request, options->address, "POST", path, body, length);
}

enum option_name {
    option_port = 1, option_method, option_path, option_body, option_connections, option_seconds,
    option_count, option_settle, option_max, option_mode, option_post_path, option_post_body,
    option_check_path, option_expect, option_answer, option_sessions, option_batch, option_depth,
    option_members,
};

static const struct option names[] = {
    {"port", required_argument, NULL, option_port},
    {"method", required_argument, NULL, option_method},
    {"path", required_argument, NULL, option_path},
    {"body", required_argument, NULL, option_body},
    {"connections", required_argument, NULL, option_connections},
    {"seconds", required_argument, NULL, option_seconds},
    {"count", required_argument, NULL, option_count},
    {"settle", no_argument, NULL, option_settle},
    {"max", required_argument, NULL, option_max},
    {"mode", required_argument, NULL, option_mode},
    {"post-path", required_argument, NULL, option_post_path},
    {"post-body", required_argument, NULL, option_post_body},
    {"check-path", required_argument, NULL, option_check_path},
    {"expect", required_argument, NULL, option_expect},
    {"answer", required_argument, NULL, option_answer},
    {"sessions", required_argument, NULL, option_sessions},
    {"batch", required_argument, NULL, option_batch},
    {"depth", required_argument, NULL, option_depth},
    {"members", required_argument, NULL, option_members},
    {0},
};

static void take(struct options *options, int name, const char *value)
{
    switch (name) {
    case option_port: options->address.port = atoi(value); break;
    case option_method: options->method = value; break;
    case option_path: options->path = value; break;
    case option_body: options->body = text_of_file(value); break;
    case option_connections: options->connections = atoi(value); break;
    case option_seconds: options->seconds = atof(value); break;
    case option_count: options->count = atol(value); break;
    case option_settle: options->settles = true; break;
    case option_max: options->max = atoi(value); break;
    case option_mode: options->mode = value; break;
    case option_post_path: options->post_path = value; break;
    case option_post_body: options->post_body = text_of_file(value); break;
    case option_check_path: options->check_path = value; break;
    case option_expect: options->expect = value; break;
    case option_answer: options->answer = value; break;
    case option_sessions: options->sessions = value; break;
    case option_batch: options->batch = atoi(value); break;
    case option_depth: options->depth = atoi(value); break;
    case option_members: options->members = value; break;
    default: fail("see main.c for the options");
    }
}

int main(int count, char **arguments)
{
    struct options options = {
        .address = {.host = "127.0.0.1"}, .method = "POST", .path = "/", .connections = 1,
        .max = 64, .batch = 128, .depth = 256,
    };
    if (count < 2) fail("name a mode: post, drain, wake, hold, cycle or transact");
    int name;
    optind = 2;
    while ((name = getopt_long(count, arguments, "", names, NULL)) != -1)
        take(&options, name, optarg);
    for (size_t index = 0; index < sizeof modes / sizeof *modes; index++) {
        if (strcmp(modes[index].name, arguments[1]) == 0) {
            modes[index].run(&options);
            return 0;
        }
    }
    fail("there is no mode %s", arguments[1]);
}
