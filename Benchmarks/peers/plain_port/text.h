/* Text that grows, and how JSON is written to it. */
#ifndef PLAIN_TEXT_H
#define PLAIN_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct text {
    char *bytes;
    size_t count;
    size_t room;
};

static inline void text_reserve(struct text *text, size_t more)
{
    if (text->room - text->count >= more) return;
    text->room = 2 * text->room + more;
    text->bytes = realloc(text->bytes, text->room);
    if (!text->bytes) abort();
}

static inline void text_add(struct text *text, const void *bytes, size_t count)
{
    text_reserve(text, count);
    memcpy(text->bytes + text->count, bytes, count);
    text->count += count;
}

/* A literal. */
#define text_put(text, literal) text_add(text, literal, sizeof literal - 1)

void text_number(struct text *text, uint64_t number);

/* A string between quotes; one that needed escapes would end the program. */
void text_string(struct text *text, const char *bytes, size_t count);

void text_base64(struct text *text, const unsigned char *bytes, size_t count);

/* A moment in milliseconds since 1970, between quotes. */
void text_moment(struct text *text, int64_t moment);

/* Decodes canonical base64; how many bytes there were. `bytes` has room for 3 of each 4. */
size_t base64_decode(const char *text, size_t count, unsigned char *bytes);

#endif
