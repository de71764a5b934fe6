#ifndef EDGE_DSP_DOT_H
#define EDGE_DSP_DOT_H

#include "edge_dsp.h"

/* How sums become bytes. RECTIFIED: the lower clamp is the zero point or above it, and left shifts
 * are 2 to 8. LINEAR: any clamp, left shifts 2 to 15. SUMS: not at all, sums are stored. */
#define EDGE_TAIL_RECTIFIED 0
#define EDGE_TAIL_LINEAR 1
#define EDGE_TAIL_SUMS 2

#define EDGE_PIXELS 3 /* of a block */
#define EDGE_SCALE_WORDS 3 /* behind the weights of two channels, for EDGE_TAIL_SUMS */

typedef struct {
    const uint32_t *columns; /* [depth/2][3 pixels] pairs of int16: two taps of a pixel a word */
    const uint32_t *columns_end;
    void *out;               /* of the first pixel; next pixel out_stride bytes on */
    int32_t out_stride;
    int32_t addend;          /* edge_dot_addend(tail, zero point) */
    int32_t tail;            /* EDGE_TAIL_… */
    int32_t first, entry;    /* edge_dot_first(depth), edge_dot_entry(depth) */
} edge_dot_block;

/* Words of taps before the unrolled loop, which takes three at a time: 1, 2 or 3. */
static inline int32_t edge_dot_first(int32_t depth)
{
    return (depth / 2 - 1) % 3 + 1;
}

/* Of a loop that is unrolled so many times, the rounds that are skipped the first time. */
static inline int32_t edge_dot_skipped(int32_t rounds, int32_t unrolled)
{
    return rounds > 0 ? (unrolled - rounds % unrolled) % unrolled : unrolled;
}

/* The same for depth taps: rounds of six, six of them unrolled, so that a pair of channels runs from
 * the 1 KB of code that small flash caches keep. */
static inline int32_t edge_dot_entry(int32_t depth)
{
    return edge_dot_skipped((depth / 2 - 1) / 3, 6);
}

/* One half and the output's zero point, above the bits that are shifted out. */
static inline int32_t edge_dot_addend(int32_t tail, int32_t zero_point)
{
    const int32_t one = tail == EDGE_TAIL_RECTIFIED ? 1 << 13 : 1 << 16;
    return one / 2 + zero_point * one;
}

/* A block but for its output. */
static inline edge_dot_block edge_dot_block_of(const uint32_t *columns, int32_t depth, int32_t tail,
                                               int32_t zero_point)
{
    const edge_dot_block block = {
        .columns = columns,
        .columns_end = columns + EDGE_PIXELS * depth / 2,
        .addend = edge_dot_addend(tail, zero_point),
        .tail = tail,
        .first = edge_dot_first(depth),
        .entry = edge_dot_entry(depth),
    };
    return block;
}

/* 3 pixels times pairs of output channels, int8 weights, int32 sums.
 * weights: for each pair of channels 2 words of bias (b0, 256 * b1 + b0), depth/2 words of
 * weights (two int16: 256 * w1 + w0 of a tap), multipliers m0, m1, and shifts s0 + 256 * s1, whose
 * sign bit marks the last pair. With EDGE_TAIL_RECTIFIED sums are below 2^23 and the upper byte of
 * b0 has the shifts, 8 - s0 + 8 * (8 - s1), and the mark: see docs/kernels.md.
 * depth: a multiple of 4, at least 4.
 * out: bytes, two channels side by side for each of the 3 pixels.
 * EDGE_TAIL_SUMS takes one pair alone; out: int32 [2 channels][3 pixels].
 * Returns the end of the weights that were read. */
const uint32_t *edge_dot_3x2(const edge_dot_block *block, const uint32_t *weights);

#endif
