/* A histogram of durations: 64 steps to each power of two, so within 1.6 per cent everywhere. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

enum { step_bits = 6, steps = 1 << step_bits, powers = 40 };

struct histogram {
    uint64_t counts[powers * steps];
    uint64_t total;
};

static inline void histogram_add(struct histogram *histogram, int64_t nanoseconds)
{
    uint64_t value = nanoseconds < 0 ? 0 : (uint64_t)nanoseconds;
    int shift = value < 2 * steps ? 0 : 63 - __builtin_clzll(value) - step_bits;
    uint64_t place = (uint64_t)shift * steps + (value >> shift);
    if (place >= powers * steps) place = powers * steps - 1;
    histogram->counts[place]++;
    histogram->total++;
}

/* The duration that a share of all durations does not pass, in microseconds. */
static inline double histogram_at(const struct histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)(share * histogram->total);
    if (wanted >= histogram->total) wanted = histogram->total ? histogram->total - 1 : 0;
    uint64_t seen = 0;
    for (uint64_t place = 0; place < powers * steps; place++) {
        seen += histogram->counts[place];
        if (seen <= wanted) continue;
        int shift = place < 2 * steps ? 0 : (int)(place / steps) - 1;
        uint64_t low = shift ? (place - (uint64_t)shift * steps) << shift : place;
        return (low + ((1ULL << shift) / 2)) / 1000.0;
    }
    return 0;
}

/* Prints the percentiles as members of a JSON object. */
static inline void histogram_print(const struct histogram *histogram)
{
    printf(
        "\"p50_us\": %.2f, \"p99_us\": %.2f, \"p999_us\": %.2f", histogram_at(histogram, 0.5),
        histogram_at(histogram, 0.99), histogram_at(histogram, 0.999));
}

#endif
