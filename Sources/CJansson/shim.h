#ifndef IOCPD_CJANSSON_SHIM_H
#define IOCPD_CJANSSON_SHIM_H
#include <jansson.h>

/* The enumeration and the function that jansson calls json_error_code have the same name, which
   Swift cannot tell apart. */
static inline int iocpd_json_error_code(const json_error_t *error) {
    return (int)json_error_code(error);
}

/* Whether arrays and objects are nested in more than `levels` levels; a scalar has none.
   Here and not in Swift because it looks at every value of every body. The recursion ends after
   `levels` calls. */
static inline int iocpd_json_is_deeper_than(json_t *value, int levels) {
    if (json_is_array(value)) {
        if (levels == 0) { return 1; }
        size_t count = json_array_size(value);
        for (size_t index = 0; index < count; index++) {
            json_t *element = json_array_get(value, index);
            if (json_typeof(element) > JSON_ARRAY) { continue; }
            if (iocpd_json_is_deeper_than(element, levels - 1)) { return 1; }
        }
    } else if (json_is_object(value)) {
        if (levels == 0) { return 1; }
        for (void *member = json_object_iter(value); member;
             member = json_object_iter_next(value, member)) {
            json_t *element = json_object_iter_value(member);
            if (json_typeof(element) > JSON_ARRAY) { continue; }
            if (iocpd_json_is_deeper_than(element, levels - 1)) { return 1; }
        }
    }
    return 0;
}
#endif
