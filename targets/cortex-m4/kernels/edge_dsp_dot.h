#ifndef EDGE_DSP_DOT_H
#define EDGE_DSP_DOT_H

#include "edge_dsp.h"

/* How sums become bytes: of layers whose lower clamp is the zero point or above it, of any other
 * layer, or not at all (the sums themselves are stored). */
#define EDGE_TAIL_RECTIFIED 0
#define EDGE_TAIL_LINEAR 1
#define EDGE_TAIL_SUMS 2

#define EDGE_PIXELS 3 /* of a block */

typedef struct {
    const uint32_t *columns; /* [depth/2][3 pixels] pairs of int16: two taps of a pixel a word */
    const uint32_t *columns_end;
    void *out;               /* of the first pixel; next pixel out_stride bytes on */
    int32_t out_stride;
    int32_t pairs;           /* of output channels */
    int32_t entry;           /* edge_dot_entry(depth) */
    int32_t tail;            /* EDGE_TAIL_… */
} edge_dot_block;

/* Where the unrolled loop over taps is entered, so that depth taps remain: bytes of code. */
static inline int32_t edge_dot_entry(int32_t depth)
{
    const int32_t unrolled = 8, bytes = 68;
    return (-(depth / 4) & (unrolled - 1)) * bytes;
}

/* 3 pixels times all pairs of output channels, int8 weights, int32 sums.
 * weights: for each pair of channels 2 words of bias (b0, 256 * b1 + b0), depth/2 words of
 * weights (two int16: 256 * w1 + w0 of a tap), then multipliers m0, m1, addends c0, c1, and the
 * left shifts s0 + 256 * s1: see docs/kernels.md.   depth: a multiple of 4.
 * out: bytes; with EDGE_TAIL_SUMS int32 [pairs][2 channels][3 pixels] without gaps. */
void edge_dot_3x2(const edge_dot_block *block, const uint32_t *weights);

#endif
