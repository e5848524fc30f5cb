#include "CLinux.h"

extern void __tsan_acquire(void *) __attribute__((weak));
extern void __tsan_release(void *) __attribute__((weak));

void iocpd_tsan_acquire(void *token) {
    if (__tsan_acquire) { __tsan_acquire(token); }
}

void iocpd_tsan_release(void *token) {
    if (__tsan_release) { __tsan_release(token); }
}
