#ifndef IOCPD_CJSONMEMORY_H
#define IOCPD_CJSONMEMORY_H

#include <jansson.h>

/* The memory of one parsed text. jansson asks for some twenty pieces for a small body and gives
   them all back; here they lie side by side, and go together. */
struct iocpd_json_memory;

/* Parses a text; NULL if it is not JSON, then `error` says why.
 *
 * What is returned must neither be changed nor let go but by `iocpd_json_free`. */
json_t *iocpd_json_parse(
    const char *text, size_t size, size_t flags, json_error_t *error,
    struct iocpd_json_memory **memory);

/* Frees all that was parsed, on any thread. `memory`: what the parse gave, perhaps NULL. */
void iocpd_json_free(json_t *root, struct iocpd_json_memory *memory);

#endif
