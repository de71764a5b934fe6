/* Sums of two pixels by four channels.
 * A core for which other blocks are faster brings its own edge_block.h. */
#ifndef EDGE_BLOCK_H
#define EDGE_BLOCK_H

#include "edgetool_kernels.h"

#define EDGE_BLOCK_PIXELS 2
#define EDGE_BLOCK_CHANNELS 4
#define EDGE_BLOCK_UNROLLED 4  /* taps; their number is a multiple of it */
#define EDGE_BLOCK_HEADER 0    /* taps that edge_begin_window fills */

typedef int8_t edge_cell;  /* one input element of a window */

/* to [count][EDGE_BLOCK_PIXELS] from runs of `count`; returns the end. */
static inline edge_cell *edge_interleave(
    edge_cell *to, const int8_t *const *runs, int32_t count)
{
    const int8_t *a = runs[0], *b = runs[1];
    for (; count > 0; count--) {
        *to++ = *a++;
        *to++ = *b++;
    }
    return to;
}

/* taps: EDGE_BLOCK_HEADER taps, then what edge_interleave wrote. */
static inline void edge_begin_window(edge_cell *taps, const edge_cell *end)
{
    (void)taps;
    (void)end;
}

#define EDGE_TAP(n) \
    do { \
        const int32_t a = x[2 * (n)], b = x[2 * (n) + 1]; \
        int32_t weight = w[4 * (n)]; \
        a0 += a * weight; \
        b0 += b * weight; \
        weight = w[4 * (n) + 1]; \
        a1 += a * weight; \
        b1 += b * weight; \
        weight = w[4 * (n) + 2]; \
        a2 += a * weight; \
        b2 += b * weight; \
        weight = w[4 * (n) + 3]; \
        a3 += a * weight; \
        b3 += b * weight; \
    } while (0)

/* bias [EDGE_BLOCK_CHANNELS] plus the products of windows with as many channels:
 * sums [EDGE_BLOCK_CHANNELS][EDGE_BLOCK_PIXELS]. */
EDGE_NOINLINE static void edge_sum_block(const edge_cell *x, const edge_cell *end,
                                         const int8_t *w, const int32_t *bias,
                                         int32_t *sums)
{
    int32_t a0 = bias[0], a1 = bias[1], a2 = bias[2], a3 = bias[3];
    int32_t b0 = a0, b1 = a1, b2 = a2, b3 = a3;
    do {
        EDGE_TAP(0);
        EDGE_TAP(1);
        EDGE_TAP(2);
        EDGE_TAP(3);
        x += EDGE_BLOCK_PIXELS * EDGE_BLOCK_UNROLLED;
        w += EDGE_BLOCK_CHANNELS * EDGE_BLOCK_UNROLLED;
    } while (x != end);
    sums[0] = a0;
    sums[1] = b0;
    sums[2] = a1;
    sums[3] = b1;
    sums[4] = a2;
    sums[5] = b2;
    sums[6] = a3;
    sums[7] = b3;
}

#endif
