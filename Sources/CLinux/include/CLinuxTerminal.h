// Serial lines: what the C library's termios cannot say.
#ifndef IOCPD_CLINUX_TERMINAL_H
#define IOCPD_CLINUX_TERMINAL_H

#include <stdint.h>

/// How bytes look on a line. `parity`: none, odd, even, mark, space; `flow`: none, RTS/CTS, XON/XOFF;
/// both counted from 0.
struct iocpd_line {
    uint32_t baud;
    int data_bits;
    int parity;
    int stop_bits;
    int flow;
};

/// What a driver has counted; the counts wrap.
struct iocpd_line_counts {
    uint32_t cts, dsr, ring, carrier, breaks, errors;
};

/// Reads how bytes look on a line; -1 and errno if it is none.
int iocpd_line_get(int descriptor, struct iocpd_line *line);

/// Sets a line so, and raw: VMIN 1, VTIME 0, CLOCAL. With `after_output` once output has gone out.
/// EINVAL, and nothing changed, if the driver took something else; with `is_pseudo` bits of a byte,
/// parity and stop bits may differ.
int iocpd_line_set(int descriptor, const struct iocpd_line *line, int is_pseudo, int after_output);

/// Reads what the driver has counted; ENOTTY if it counts nothing.
int iocpd_line_count(int descriptor, struct iocpd_line_counts *counts);

/// Whether a device number is that of the line end of a pseudo-terminal.
int iocpd_is_pseudo_terminal(uint64_t device);

#endif
