#include "text.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void text_number(struct text *text, uint64_t number)
{
    char digits[20], *first = digits + sizeof digits;
    do *--first = '0' + number % 10;
    while (number /= 10);
    text_add(text, first, digits + sizeof digits - first);
}

void text_string(struct text *text, const char *bytes, size_t count)
{
    text_reserve(text, count + 2);
    char *to = text->bytes + text->count;
    *to++ = '"';
    for (size_t index = 0; index < count; index++) {
        unsigned char byte = bytes[index];
        if (byte < 0x20 || byte >= 0x7f || byte == '"' || byte == '\\') abort();
        *to++ = byte;
    }
    *to = '"';
    text->count += count + 2;
}

void text_base64(struct text *text, const unsigned char *bytes, size_t count)
{
    text_reserve(text, (count + 2) / 3 * 4 + 2);
    char *to = text->bytes + text->count;
    *to++ = '"';
    for (size_t index = 0; index < count; index += 3) {
        size_t left = count - index;
        uint32_t bits = bytes[index] << 16;
        if (left > 1) bits |= bytes[index + 1] << 8;
        if (left > 2) bits |= bytes[index + 2];
        *to++ = alphabet[bits >> 18];
        *to++ = alphabet[bits >> 12 & 63];
        *to++ = left > 1 ? alphabet[bits >> 6 & 63] : '=';
        *to++ = left > 2 ? alphabet[bits & 63] : '=';
    }
    *to++ = '"';
    text->count = to - text->bytes;
}

void text_moment(struct text *text, int64_t moment)
{
    static _Thread_local int64_t last = -1;
    static _Thread_local char written[32];
    if (moment != last) {
        time_t seconds = moment / 1000;
        struct tm parts;
        char day[24];
        gmtime_r(&seconds, &parts);
        strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &parts);
        snprintf(written, sizeof written, "\"%s.%03dZ\"", day, (int)(moment % 1000));
        last = moment;
    }
    text_add(text, written, strlen(written));
}

size_t base64_decode(const char *text, size_t count, unsigned char *bytes)
{
    static _Thread_local signed char values[256];
    static _Thread_local bool is_ready;
    if (!is_ready) {
        memset(values, -1, sizeof values);
        for (int index = 0; index < 64; index++) values[(unsigned char)alphabet[index]] = index;
        is_ready = true;
    }
    if (count % 4 != 0) abort();
    unsigned char *to = bytes;
    for (size_t index = 0; index < count; index += 4) {
        int padding = text[index + 3] != '=' ? 0 : text[index + 2] != '=' ? 1 : 2;
        int bits = 0;
        for (int place = 0; place < 4; place++) {
            int value = place >= 4 - padding ? 0 : values[(unsigned char)text[index + place]];
            if (value < 0) abort();
            bits = bits << 6 | value;
        }
        *to++ = bits >> 16;
        if (padding < 2) *to++ = bits >> 8;
        if (padding < 1) *to++ = bits;
    }
    return to - bytes;
}
