// Terminal settings by termios2, which takes any rate. The C library's termios.h cannot stand beside
// the kernel's, so this is a file of its own.
#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <errno.h>
#include <linux/serial.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/types.h>

#include "include/CLinuxTerminal.h"

#ifndef TCGETS2
#error "this architecture has no termios2"
#endif

enum { parity_none, parity_odd, parity_even, parity_mark, parity_space };
enum { flow_none, flow_hardware, flow_software };

static const struct {
    uint32_t baud;
    tcflag_t code;
} rates[] = {
    {50, B50}, {75, B75}, {110, B110}, {134, B134}, {150, B150}, {200, B200}, {300, B300},
    {600, B600}, {1200, B1200}, {1800, B1800}, {2400, B2400}, {4800, B4800}, {9600, B9600},
    {19200, B19200}, {38400, B38400}, {57600, B57600}, {115200, B115200}, {230400, B230400},
    {460800, B460800}, {500000, B500000}, {576000, B576000}, {921600, B921600},
    {1000000, B1000000}, {1152000, B1152000}, {1500000, B1500000}, {2000000, B2000000},
    {2500000, B2500000}, {3000000, B3000000}, {3500000, B3500000}, {4000000, B4000000},
};

// The usual rates have a code of their own, which programs that look at the line later understand.
static tcflag_t rate_code(uint32_t baud) {
    for (unsigned i = 0; i < sizeof rates / sizeof *rates; i++) {
        if (rates[i].baud == baud) { return rates[i].code; }
    }
    return BOTHER;
}

static tcflag_t size_code(int bits) {
    switch (bits) {
    case 5: return CS5;
    case 6: return CS6;
    case 7: return CS7;
    default: return CS8;
    }
}

static void read_line(const struct termios2 *from, struct iocpd_line *line) {
    line->baud = from->c_ospeed;
    switch (from->c_cflag & CSIZE) {
    case CS5: line->data_bits = 5; break;
    case CS6: line->data_bits = 6; break;
    case CS7: line->data_bits = 7; break;
    default: line->data_bits = 8;
    }
    line->parity = parity_none;
    if (from->c_cflag & PARENB) {
        int odd = (from->c_cflag & PARODD) != 0;
        line->parity = from->c_cflag & CMSPAR ? (odd ? parity_mark : parity_space)
                                              : (odd ? parity_odd : parity_even);
    }
    line->stop_bits = from->c_cflag & CSTOPB ? 2 : 1;
    line->flow = from->c_cflag & CRTSCTS           ? flow_hardware
                 : from->c_iflag & (IXON | IXOFF) ? flow_software
                                                   : flow_none;
}

static void write_line(const struct iocpd_line *line, struct termios2 *to) {
    to->c_iflag &= ~(IGNBRK | BRKINT | PARMRK | INPCK | ISTRIP | INLCR | IGNCR | ICRNL | IUCLC |
                     IXON | IXOFF | IXANY | IMAXBEL);
    to->c_oflag &= ~OPOST;
    to->c_lflag &= ~(ECHO | ECHOE | ECHOK | ECHONL | ICANON | ISIG | IEXTEN);
    to->c_cflag &= ~(CSIZE | PARENB | PARODD | CMSPAR | CSTOPB | CRTSCTS | CBAUD | CIBAUD);
    to->c_cflag |= CREAD | CLOCAL | size_code(line->data_bits) | rate_code(line->baud);
    if (line->parity != parity_none) { to->c_cflag |= PARENB; }
    if (line->parity == parity_odd || line->parity == parity_mark) { to->c_cflag |= PARODD; }
    if (line->parity == parity_mark || line->parity == parity_space) { to->c_cflag |= CMSPAR; }
    if (line->stop_bits == 2) { to->c_cflag |= CSTOPB; }
    if (line->flow == flow_hardware) { to->c_cflag |= CRTSCTS; }
    if (line->flow == flow_software) {
        to->c_iflag |= IXON | IXOFF;
        to->c_cc[VSTART] = 0x11;
        to->c_cc[VSTOP] = 0x13;
    }
    to->c_cc[VMIN] = 1;
    to->c_cc[VTIME] = 0;
    to->c_ispeed = line->baud;
    to->c_ospeed = line->baud;
}

// A divider seldom gives a rate exactly; a receiver bears 3 % easily.
static int is_near(uint32_t wanted, uint32_t got) {
    uint64_t distance = wanted > got ? wanted - got : got - wanted;
    return distance * 100 <= 3 * (uint64_t)wanted;
}

static int is_taken(const struct iocpd_line *wanted, const struct iocpd_line *got, int is_pseudo) {
    if (!is_near(wanted->baud, got->baud) || wanted->flow != got->flow) { return 0; }
    if (is_pseudo) { return 1; }
    return wanted->data_bits == got->data_bits && wanted->parity == got->parity &&
           wanted->stop_bits == got->stop_bits;
}

int iocpd_line_get(int descriptor, struct iocpd_line *line) {
    struct termios2 now;
    if (ioctl(descriptor, TCGETS2, &now) != 0) { return -1; }
    read_line(&now, line);
    return 0;
}

int iocpd_line_set(int descriptor, const struct iocpd_line *line, int is_pseudo, int after_output) {
    struct termios2 before, wanted, after;
    struct iocpd_line got;
    if (ioctl(descriptor, TCGETS2, &before) != 0) { return -1; }
    wanted = before;
    write_line(line, &wanted);
    if (ioctl(descriptor, after_output ? TCSETSW2 : TCSETS2, &wanted) != 0) { return -1; }
    if (ioctl(descriptor, TCGETS2, &after) != 0) { return -1; }
    read_line(&after, &got);
    if (is_taken(line, &got, is_pseudo)) { return 0; }
    ioctl(descriptor, TCSETS2, &before);
    errno = EINVAL;
    return -1;
}

int iocpd_line_count(int descriptor, struct iocpd_line_counts *counts) {
    struct serial_icounter_struct seen;
    memset(&seen, 0, sizeof seen);
    if (ioctl(descriptor, TIOCGICOUNT, &seen) != 0) { return -1; }
    counts->cts = (uint32_t)seen.cts;
    counts->dsr = (uint32_t)seen.dsr;
    counts->ring = (uint32_t)seen.rng;
    counts->carrier = (uint32_t)seen.dcd;
    counts->breaks = (uint32_t)seen.brk;
    counts->errors = (uint32_t)seen.frame + (uint32_t)seen.overrun + (uint32_t)seen.parity +
                     (uint32_t)seen.buf_overrun;
    return 0;
}

int iocpd_is_pseudo_terminal(uint64_t device) {
    unsigned kind = major((dev_t)device);
    // The Unix 98 ones, and the old BSD ones.
    return (kind >= 136 && kind <= 143) || kind == 3;
}
