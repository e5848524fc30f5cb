// io_uring by liburing, whose own header changes what the C library's headers show.
#ifndef IOCPD_CLINUX_RING_H
#define IOCPD_CLINUX_RING_H

#include <stdint.h>

/// A ring, and room for what its receives get. One thread uses it from its first submission on.
struct iocpd_ring;

/// What became of one submission. `result` is what the call would have returned, or an error number
/// below zero; `block` is the room that a receive has filled, -1 if none.
struct iocpd_ring_completion {
    uint64_t mark;
    int32_t result;
    int32_t block;
    int has_more;
};

/// Makes a ring with room for `entries` unsubmitted calls, and `block_count` (a power of two) blocks
/// of `block_size` bytes for what is received. Gives NULL, and the error number in `error`.
struct iocpd_ring *iocpd_ring_make(
    unsigned entries, unsigned block_count, unsigned block_size, int *error);

/// Closes a ring. With `is_idle` false the kernel may still be at its blocks: they are leaked.
void iocpd_ring_close(struct iocpd_ring *ring, int is_idle);

// The calls that prepare give -1 if there is no room before `iocpd_ring_submit`.

/// Receives into a block, at most `limit` bytes.
/// `after_poll` does not try before the socket is ready.
int iocpd_ring_receive(
    struct iocpd_ring *ring, uint64_t mark, int socket, unsigned limit, int after_poll);
/// Sends without SIGPIPE; `bytes` must stay until the completion.
int iocpd_ring_send(
    struct iocpd_ring *ring, uint64_t mark, int socket, const void *bytes, unsigned count,
    int after_poll);
/// Tells of the poll `events`, by edges and for good with `is_standing`, once without.
int iocpd_ring_poll(
    struct iocpd_ring *ring, uint64_t mark, int descriptor, uint32_t events, int is_standing);
/// Reads a count from an eventfd; one at a time.
int iocpd_ring_read_event(struct iocpd_ring *ring, uint64_t mark, int event);
/// Ends the submission `target`; its own completion tells how.
int iocpd_ring_cancel(struct iocpd_ring *ring, uint64_t mark, uint64_t target);
/// Ends all that is out.
int iocpd_ring_cancel_all(struct iocpd_ring *ring, uint64_t mark);

/// Submits, and takes in completions that are ready. 0 or an error number below zero.
int iocpd_ring_submit(struct iocpd_ring *ring);
/// Submits, and waits for a completion; at most so many milliseconds if not below zero.
int iocpd_ring_wait(struct iocpd_ring *ring, int64_t milliseconds);

/// Whether there are completions to take.
int iocpd_ring_has_completions(const struct iocpd_ring *ring);
/// Takes the next completion; 0 if there is none.
int iocpd_ring_next(struct iocpd_ring *ring, struct iocpd_ring_completion *completion);
/// Where a block's bytes are.
const void *iocpd_ring_block(const struct iocpd_ring *ring, int32_t block);
/// Gives a block back to be filled again.
void iocpd_ring_give_back(struct iocpd_ring *ring, int32_t block);

#endif
