#include "CLinuxRing.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct iocpd_ring {
    struct io_uring uring;
    struct io_uring_buf_ring *offered;
    unsigned char *blocks;
    unsigned block_count;
    unsigned block_size;
    uint64_t event_count;
    int is_enabled;
};

static size_t offered_size(const struct iocpd_ring *ring) {
    return ring->block_count * sizeof(struct io_uring_buf);
}

static void free_memory(struct iocpd_ring *ring) {
    if (ring->offered != MAP_FAILED) munmap(ring->offered, offered_size(ring));
    if (ring->blocks != MAP_FAILED) {
        munmap(ring->blocks, (size_t)ring->block_count * ring->block_size);
    }
    free(ring);
}

static void *pages(size_t size) {
    return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

void iocpd_ring_give_back(struct iocpd_ring *ring, int32_t block) {
    io_uring_buf_ring_add(
        ring->offered, ring->blocks + (size_t)block * ring->block_size, ring->block_size,
        (unsigned short)block, io_uring_buf_ring_mask(ring->block_count), 0);
    io_uring_buf_ring_advance(ring->offered, 1);
}

static int offer_blocks(struct iocpd_ring *ring) {
    struct io_uring_buf_reg registration = {
        .ring_addr = (uint64_t)(uintptr_t)ring->offered,
        .ring_entries = ring->block_count,
    };
    int result = io_uring_register_buf_ring(&ring->uring, &registration, 0);
    if (result != 0) return result;
    io_uring_buf_ring_init(ring->offered);
    for (unsigned block = 0; block < ring->block_count; block++) {
        iocpd_ring_give_back(ring, (int32_t)block);
    }
    return 0;
}

struct iocpd_ring *iocpd_ring_make(
    unsigned entries, unsigned block_count, unsigned block_size, int *error) {
    struct iocpd_ring *ring = calloc(1, sizeof *ring);
    if (ring == NULL) {
        *error = ENOMEM;
        return NULL;
    }
    ring->block_count = block_count;
    ring->block_size = block_size;
    ring->offered = pages(offered_size(ring));
    ring->blocks = pages((size_t)block_count * block_size);
    if (ring->offered == MAP_FAILED || ring->blocks == MAP_FAILED) {
        *error = ENOMEM;
        free_memory(ring);
        return NULL;
    }
    // Completions come in waits only, and no thread is interrupted for them. The ring is made by
    // another thread than the one that will own it.
    struct io_uring_params parameters = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_R_DISABLED
            | IORING_SETUP_CQSIZE,
        .cq_entries = entries * 4,
    };
    int result = io_uring_queue_init_params(entries, &ring->uring, &parameters);
    if (result == 0) {
        result = offer_blocks(ring);
        if (result != 0) io_uring_queue_exit(&ring->uring);
    }
    if (result != 0) {
        *error = -result;
        free_memory(ring);
        return NULL;
    }
    return ring;
}

void iocpd_ring_close(struct iocpd_ring *ring, int is_idle) {
    io_uring_queue_exit(&ring->uring);
    if (is_idle) free_memory(ring);
}

int iocpd_ring_receive(
    struct iocpd_ring *ring, uint64_t mark, int socket, unsigned limit, int after_poll) {
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring->uring);
    if (entry == NULL) return -1;
    io_uring_prep_recv(entry, socket, NULL, limit, 0);
    entry->flags |= IOSQE_BUFFER_SELECT;
    entry->buf_group = 0;
    if (after_poll) entry->ioprio |= IORING_RECVSEND_POLL_FIRST;
    entry->user_data = mark;
    return 0;
}

int iocpd_ring_send(
    struct iocpd_ring *ring, uint64_t mark, int socket, const void *bytes, unsigned count,
    int after_poll) {
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring->uring);
    if (entry == NULL) return -1;
    io_uring_prep_send(entry, socket, bytes, count, MSG_NOSIGNAL);
    if (after_poll) entry->ioprio |= IORING_RECVSEND_POLL_FIRST;
    entry->user_data = mark;
    return 0;
}

int iocpd_ring_poll(
    struct iocpd_ring *ring, uint64_t mark, int descriptor, uint32_t events, int is_standing) {
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring->uring);
    if (entry == NULL) return -1;
    if (is_standing) {
        io_uring_prep_poll_multishot(entry, descriptor, events);
    } else {
        io_uring_prep_poll_add(entry, descriptor, events);
    }
    entry->user_data = mark;
    return 0;
}

int iocpd_ring_read_event(struct iocpd_ring *ring, uint64_t mark, int event) {
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring->uring);
    if (entry == NULL) return -1;
    io_uring_prep_read(entry, event, &ring->event_count, sizeof ring->event_count, 0);
    entry->user_data = mark;
    return 0;
}

int iocpd_ring_cancel(struct iocpd_ring *ring, uint64_t mark, uint64_t target) {
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring->uring);
    if (entry == NULL) return -1;
    io_uring_prep_cancel64(entry, target, 0);
    entry->user_data = mark;
    return 0;
}

int iocpd_ring_cancel_all(struct iocpd_ring *ring, uint64_t mark) {
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring->uring);
    if (entry == NULL) return -1;
    io_uring_prep_cancel64(entry, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
    entry->user_data = mark;
    return 0;
}

/// The thread that comes first becomes the owner.
static int enable(struct iocpd_ring *ring) {
    if (ring->is_enabled) return 0;
    // Debian's liburing 2.3 declares io_uring_enable_rings, but does not export it.
    int descriptor = ring->uring.ring_fd;
    long result = syscall(SYS_io_uring_register, descriptor, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
    if (result != 0) return -errno;
    ring->is_enabled = 1;
    return 0;
}

int iocpd_ring_submit(struct iocpd_ring *ring) {
    int result = enable(ring);
    if (result != 0) return result;
    do {
        result = io_uring_submit_and_get_events(&ring->uring);
    } while (result == -EINTR);
    return result < 0 ? result : 0;
}

int iocpd_ring_wait(struct iocpd_ring *ring, int64_t milliseconds) {
    if (milliseconds == 0) return iocpd_ring_submit(ring);
    int result = enable(ring);
    if (result != 0) return result;
    if (milliseconds < 0) {
        result = io_uring_submit_and_wait(&ring->uring, 1);
        return result < 0 ? result : 0;
    }
    struct __kernel_timespec time = {
        .tv_sec = milliseconds / 1000,
        .tv_nsec = milliseconds % 1000 * 1000000,
    };
    struct io_uring_cqe *first = NULL;
    result = io_uring_submit_and_wait_timeout(&ring->uring, &first, 1, &time, NULL);
    return result < 0 ? result : 0;
}

int iocpd_ring_has_completions(const struct iocpd_ring *ring) {
    return io_uring_cq_ready(&ring->uring) > 0;
}

int iocpd_ring_next(struct iocpd_ring *ring, struct iocpd_ring_completion *completion) {
    struct io_uring_cqe *found = NULL;
    if (io_uring_peek_cqe(&ring->uring, &found) != 0 || found == NULL) return 0;
    completion->mark = found->user_data;
    completion->result = found->res;
    completion->has_more = (found->flags & IORING_CQE_F_MORE) != 0;
    completion->block = found->flags & IORING_CQE_F_BUFFER
        ? (int32_t)(found->flags >> IORING_CQE_BUFFER_SHIFT)
        : -1;
    io_uring_cqe_seen(&ring->uring, found);
    return 1;
}

const void *iocpd_ring_block(const struct iocpd_ring *ring, int32_t block) {
    return ring->blocks + (size_t)block * ring->block_size;
}
