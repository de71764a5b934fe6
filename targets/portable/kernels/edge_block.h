/* Sums of six pixels by four channels, in words of edge_triple.h.
 * A core for which other loops are faster brings its own edge_block.h. */
#ifndef EDGE_BLOCK_H
#define EDGE_BLOCK_H

#include "edge_triple.h"

#define EDGE_BLOCK_UNROLLED 4 /* taps; those of a segment are a multiple of it */
#define EDGE_BLOCK_OFFSETS 0  /* words a segment that edge_begin_segment fills */

/* offsets: of the segment with the taps x .. end - 1. */
static inline void edge_begin_segment(const uint32_t *x, const uint32_t *end, uint32_t *offsets)
{
    (void)x;
    (void)end;
    (void)offsets;
}

#define EDGE_TAP(n) \
    do { \
        const uint32_t a = x[4 * (n)], b = x[4 * (n) + 1], c = x[4 * (n) + 2], d = x[4 * (n) + 3]; \
        uint32_t weight = (uint32_t)w[4 * (n)]; \
        a0 += a * weight; \
        b0 += b * weight; \
        c0 += c * weight; \
        d0 += d * weight; \
        weight = (uint32_t)w[4 * (n) + 1]; \
        a1 += a * weight; \
        b1 += b * weight; \
        c1 += c * weight; \
        d1 += d * weight; \
    } while (0)

/* Two of the four channels whose weights lie side by side: bias [2], sums [2][4]. */
EDGE_NOINLINE static void edge_sum_pair(const uint32_t *x, const uint32_t *end, const int8_t *w,
                                        const int32_t *bias, uint32_t *sums)
{
    uint32_t a0 = edge_first_word(bias[0], bias[0]), b0 = edge_second_word(bias[0], bias[0]);
    uint32_t a1 = edge_first_word(bias[1], bias[1]), b1 = edge_second_word(bias[1], bias[1]);
    uint32_t c0 = a0, d0 = b0, c1 = a1, d1 = b1;
    do {
        EDGE_TAP(0);
        EDGE_TAP(1);
        EDGE_TAP(2);
        EDGE_TAP(3);
        x += 4 * EDGE_BLOCK_UNROLLED;
        w += 4 * EDGE_BLOCK_UNROLLED;
    } while (x != end);
    sums[0] = a0;
    sums[1] = b0;
    sums[2] = c0;
    sums[3] = d0;
    sums[4] = a1;
    sums[5] = b1;
    sums[6] = c1;
    sums[7] = d1;
}

/* bias [4] plus the products of the taps x .. end - 1 [4] with four channels side by side:
 * sums [4][4], of each channel two words for three pixels and two for the other three. */
static inline void edge_sum_block(const uint32_t *x, const uint32_t *end, const int8_t *w,
                                  const int32_t *bias, uint32_t *sums, const uint32_t *offsets)
{
    (void)offsets;
    edge_sum_pair(x, end, w, bias, sums);
    edge_sum_pair(x, end, w + 2, bias + 2, sums + 8);
}

#endif
