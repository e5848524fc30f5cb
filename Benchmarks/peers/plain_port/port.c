#include "port.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "text.h"

enum { most_leases = 4096, lease_ms = 30000 };

/* A batch as it is told. */
struct batch {
    struct entry *first;
    long count;
    uint64_t lease;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct entry *oldest, **newest = &oldest;
static uint64_t last_seq, last_lease;
/* The first entries of batches, by the lease's number. */
static struct entry *leased[most_leases];
static struct fetch *waiting;
static struct counts counts;

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

void entries_add(struct entries *entries, struct entry *entry)
{
    if (!entries->end) entries->end = &entries->first;
    entry->next = NULL;
    *entries->end = entry;
    entries->end = &entry->next;
    entries->count++;
}

/* Moves the oldest entries to a batch; the lock is held. */
static struct batch take(long most)
{
    struct batch batch = {.first = oldest};
    struct entry **end = &batch.first;
    while (*end && batch.count < most) {
        end = &(*end)->next;
        batch.count++;
    }
    if (!batch.count) return batch;
    oldest = *end;
    if (!oldest) newest = &oldest;
    *end = NULL;
    counts.queued -= batch.count;
    batch.lease = ++last_lease;
    struct entry **place = &leased[batch.lease % most_leases];
    if (*place) abort();
    *place = batch.first;
    return batch;
}

static void tell_entry(struct text *text, const struct entry *entry, bool is_utf8)
{
    const char *context = entry->bytes + entry->key_count;
    const char *data = context + entry->context_count;
    text_put(text, "{\"id\":\"cmp_000000000_");
    text_number(text, entry->seq);
    text_put(text, "\",\"seq\":");
    text_number(text, entry->seq);
    if (entry->session < 0)
        text_put(text, ",\"kind\":\"packet\",\"key\":");
    else
        text_put(text, ",\"kind\":\"transact\",\"key\":");
    text_string(text, entry->bytes, entry->key_count);
    if (entry->session >= 0) {
        text_put(text, ",\"session\":\"ses_000000000000\",\"operation\":\"op_000000000000_");
        text_number(text, entry->operation);
        text_put(text, "\"");
    }
    if (entry->context_count) {
        text_put(text, ",\"context\":");
        text_string(text, context, entry->context_count);
    }
    text_put(text, ",\"status\":\"ok\",\"bytes\":");
    text_number(text, entry->data_count);
    text_put(text, ",\"data\":");
    if (is_utf8) {
        text_string(text, data, entry->data_count);
        text_put(text, ",\"encoding\":\"utf8\"");
    } else {
        text_base64(text, (const unsigned char *)data, entry->data_count);
        text_put(text, ",\"encoding\":\"base64\"");
    }
    if (entry->session >= 0) {
        text_put(text, ",\"sent\":");
        text_number(text, entry->data_count);
    }
    text_put(text, ",\"queued_at\":");
    text_moment(text, entry->queued_at);
    text_put(text, ",\"delivery\":1},");
}

static enum MHD_Result tell(const struct fetch *fetch, struct batch batch)
{
    struct text text = {0};
    text_reserve(&text, 256 + 320 * batch.count);
    text_put(&text, "{\"reason\":\"entries\",\"entries\":[");
    // The batch is this client's, who cannot settle it before it has been told of it.
    for (const struct entry *entry = batch.first; entry; entry = entry->next)
        tell_entry(&text, entry, fetch->is_utf8);
    text.count--;
    text_put(&text, "],\"lease\":\"lse_000000000_");
    text_number(&text, batch.lease);
    text_put(&text, "\",\"lease_expires_at\":");
    text_moment(&text, now() + lease_ms);
    text_put(&text, "}\n");
    return answer_with(fetch->connection, 200, text.bytes, text.count);
}

void port_queue(struct entries entries)
{
    if (!entries.first) return;
    int64_t moment = now();
    struct fetch *fetch;
    struct batch batch = {0};
    pthread_mutex_lock(&lock);
    for (struct entry *entry = entries.first; entry; entry = entry->next) {
        entry->seq = ++last_seq;
        entry->queued_at = moment;
    }
    *newest = entries.first;
    newest = entries.end;
    counts.queued += entries.count;
    while ((fetch = waiting) && (batch = take(fetch->most)).count) {
        waiting = fetch->next;
        counts.waiting--;
        pthread_mutex_unlock(&lock);
        tell(fetch, batch);
        MHD_resume_connection(fetch->connection);
        free(fetch);
        pthread_mutex_lock(&lock);
    }
    pthread_mutex_unlock(&lock);
}

void port_settle(uint64_t lease)
{
    pthread_mutex_lock(&lock);
    struct entry *entry = leased[lease % most_leases];
    leased[lease % most_leases] = NULL;
    pthread_mutex_unlock(&lock);
    if (!entry) abort();
    while (entry) {
        struct entry *next = entry->next;
        free(entry);
        entry = next;
    }
}

enum MHD_Result port_fetch(struct fetch fetch)
{
    pthread_mutex_lock(&lock);
    struct batch batch = take(fetch.most);
    if (!batch.count && fetch.may_wait) {
        struct fetch *waiter = malloc(sizeof *waiter);
        *waiter = fetch;
        waiter->next = waiting;
        waiting = waiter;
        counts.waiting++;
        MHD_suspend_connection(fetch.connection);
    }
    pthread_mutex_unlock(&lock);
    if (batch.count) return tell(&fetch, batch);
    if (fetch.may_wait) return MHD_YES;
    struct text text = {0};
    text_put(&text, "{\"reason\":\"timeout\",\"entries\":[]}\n");
    return answer_with(fetch.connection, 200, text.bytes, text.count);
}

struct counts port_counts(void)
{
    pthread_mutex_lock(&lock);
    struct counts now = counts;
    pthread_mutex_unlock(&lock);
    return now;
}

enum MHD_Result answer_with(
    struct MHD_Connection *connection, unsigned status, char *bytes, size_t count)
{
    static _Thread_local unsigned long number;
    char id[32];
    snprintf(id, sizeof id, "req-%011lx", ++number);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(count, bytes, MHD_RESPMEM_MUST_FREE);
    MHD_add_response_header(response, "Content-Type", "application/json");
    MHD_add_response_header(response, "X-Request-Id", id);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}
