// What Glibc's Swift module leaves out: epoll, eventfd, a few socket constants and raw calls.
#ifndef IOCPD_CLINUX_H
#define IOCPD_CLINUX_H

#include <errno.h>
#include <linux/sockios.h>
#include <malloc.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "CLinuxRing.h"
#include "CLinuxTerminal.h"

/// Tells ThreadSanitizer that what was written before the matching release is now visible.
/// A no-op in a build without the sanitizer.
void iocpd_tsan_acquire(void *token);

/// The other half of `iocpd_tsan_acquire`.
void iocpd_tsan_release(void *token);

// Calls and constants that the headers show only under _GNU_SOURCE, which the Swift module lacks.

/// O_PATH: opens a handle, which has no side effect on what it is opened on.
extern const int iocpd_path_handle;

/// Opens `path` below the descriptor `directory` (openat2, for which the C library has no function);
/// no link may lead out of it. Gives -1 and errno as open does; EXDEV for a path that leads out.
int iocpd_open_beneath(int directory, const char *path, int flags, uint32_t mode);

/// Renames an entry of `directory`; EEXIST if there is one of the new name.
int iocpd_rename_to_unused(int directory, const char *name, const char *unused_name);

/// Accepts a connection that does not block and is not inherited.
int iocpd_accept(int listener, struct sockaddr *peer, socklen_t *length);

/// Sets (1 shared, 2 exclusive) or removes (0) a lock of the open file description, never waiting:
/// EAGAIN or EACCES for a conflict. A `length` of 0 reaches to the largest offset.
int iocpd_lock_file(int file, int mode, int64_t start, int64_t length);

/// The kind of file system that a descriptor is on, by the kernel's magic number; -1 and errno.
int64_t iocpd_file_system_kind(int file);

/// Gives a thread the name that `ps` and debuggers show, at most 15 bytes.
void iocpd_name_thread(pthread_t thread, const char *name);

#endif
