// What Glibc's Swift module leaves out: epoll, eventfd, a few socket constants and raw calls.
#ifndef IOCPD_CLINUX_H
#define IOCPD_CLINUX_H

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

/// Tells ThreadSanitizer that what was written before the matching release is now visible.
/// A no-op in a build without the sanitizer.
void iocpd_tsan_acquire(void *token);

/// The other half of `iocpd_tsan_acquire`.
void iocpd_tsan_release(void *token);

#endif
