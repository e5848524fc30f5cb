#define _GNU_SOURCE
#include "CLinux.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

const int iocpd_path_handle = O_PATH;

int iocpd_open_beneath(int directory, const char *path, int flags, uint32_t mode) {
    struct open_how how = {
        .flags = (uint32_t)flags,
        .mode = mode,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

int iocpd_rename_to_unused(int directory, const char *name, const char *unused_name) {
    return renameat2(directory, name, directory, unused_name, RENAME_NOREPLACE);
}

int iocpd_accept(int listener, struct sockaddr *peer, socklen_t *length) {
    return accept4(listener, peer, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int iocpd_lock_file(int file, int mode, int64_t start, int64_t length) {
    struct flock lock = {
        .l_type = mode == 0 ? F_UNLCK : mode == 1 ? F_RDLCK : F_WRLCK,
        .l_whence = SEEK_SET,
        .l_start = start,
        .l_len = length,
    };
    return fcntl(file, F_OFD_SETLK, &lock);
}

int64_t iocpd_file_system_kind(int file) {
    struct statfs status;
    if (fstatfs(file, &status) != 0) { return -1; }
    return (int64_t)(uint32_t)status.f_type;
}

void iocpd_name_thread(pthread_t thread, const char *name) {
    pthread_setname_np(thread, name);
}
