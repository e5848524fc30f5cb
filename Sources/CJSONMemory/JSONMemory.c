#include "CJSONMemory.h"

#include <pthread.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IOCPD_ADDRESS_SANITIZER
#endif
#endif

enum { first_size = 16 << 10, largest_size = 1 << 20 };

/* The newest block is the first of the list, and stands for all of them. */
struct iocpd_json_memory {
    struct iocpd_json_memory *older;
    size_t size;
    size_t used;
    alignas(max_align_t) char bytes[];
};

/* What is being parsed on this thread. */
static _Thread_local struct iocpd_json_memory *current;
static _Thread_local int is_parsing;
/* A first block, kept for the next text of this thread. */
static _Thread_local struct iocpd_json_memory *spare;

static struct iocpd_json_memory *new_block(size_t size, struct iocpd_json_memory *older) {
    struct iocpd_json_memory *block;
    if (size == first_size && spare) {
        block = spare;
        spare = NULL;
    } else {
        block = malloc(sizeof *block + size);
        if (!block) return NULL;
        block->size = size;
    }
    block->older = older;
    block->used = 0;
    return block;
}

static void *take(size_t count) {
    if (!is_parsing) return malloc(count);
    if (count > SIZE_MAX / 2) return NULL;
    size_t rounded = (count + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (!current || current->size - current->used < rounded) {
        /* Each block is twice as large as the one before: a long text is in few of them. */
        size_t size = !current ? first_size
            : current->size < largest_size ? 2 * current->size : largest_size;
        if (size < rounded) size = rounded;
        struct iocpd_json_memory *block = new_block(size, current);
        if (!block) return NULL;
        current = block;
    }
    void *place = current->bytes + current->used;
    current->used += rounded;
    return place;
}

/* While a text is parsed all memory that is given back is its own, and goes with it. */
static void give_back(void *place) {
    if (!is_parsing) free(place);
}

static int is_ours;

/* Whether a version keeps pieces from one text to the next has to be looked at: up to 2.14 none is
   kept. And AddressSanitizer sees more of what is asked for piece by piece. */
static void take_over(void) {
#ifndef IOCPD_ADDRESS_SANITIZER
    is_ours = jansson_version_cmp(2, 15, 0) < 0;
#endif
    if (is_ours) json_set_alloc_funcs(take, give_back);
}

json_t *iocpd_json_parse(
    const char *text, size_t size, size_t flags, json_error_t *error,
    struct iocpd_json_memory **memory) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, take_over);
    is_parsing = is_ours;
    current = NULL;
    json_t *root = json_loadb(text, size, flags, error);
    is_parsing = 0;
    *memory = current;
    current = NULL;
    if (!root) {
        iocpd_json_free(NULL, *memory);
        *memory = NULL;
    }
    return root;
}

void iocpd_json_free(json_t *root, struct iocpd_json_memory *memory) {
    if (!memory) json_decref(root);
    while (memory) {
        struct iocpd_json_memory *older = memory->older;
        if (memory->size == first_size && !spare) {
            spare = memory;
        } else {
            free(memory);
        }
        memory = older;
    }
}
