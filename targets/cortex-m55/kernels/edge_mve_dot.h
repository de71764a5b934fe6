#ifndef EDGE_MVE_DOT_H
#define EDGE_MVE_DOT_H

#include "edge_mve.h"

/* How sums become bytes: right shifts only in layers whose lower clamp is the zero point or above
 * it; right shifts of 1 and more; any shift. */
#define EDGE_TAIL_RECTIFIED 0
#define EDGE_TAIL_LINEAR 1
#define EDGE_TAIL_ANY 2

#define EDGE_DOT_PIXELS 2
#define EDGE_DOT_UNROLLED 4 /* chunks of 16 taps in a round of the loop */

/* The order of the fields is the order of the code's frame. */
typedef struct {
    const int8_t *pixels[EDGE_DOT_PIXELS]; /* taps of a pixel, side by side */
    int8_t *out[EDGE_DOT_PIXELS];
    int32_t entry, rounds; /* edge_dot_set_depth */
    int32_t rest;          /* taps behind the last whole chunk */
    int32_t tail;          /* EDGE_TAIL_… */
    int32_t out_zero_point;
    int32_t channels;      /* of the output */
    int32_t low, high;
} edge_dot_block;

/* Where the unrolled loop over chunks is entered and how often it runs; depth in taps. */
static inline void edge_dot_set_depth(edge_dot_block *block, int32_t depth)
{
    const int32_t chunks = depth / EDGE_CHUNK, bytes = 56;
    const int32_t skipped = chunks > 0 ? -chunks & (EDGE_DOT_UNROLLED - 1) : EDGE_DOT_UNROLLED;
    block->entry = skipped * bytes;
    block->rounds = (chunks + skipped) / EDGE_DOT_UNROLLED;
    block->rest = depth % EDGE_CHUNK;
}

/* 2 pixels times all output channels, int8, int32 sums, double rounding.
 * weights: for each 4 output channels 4 words of bias, [chunk][4][16] bytes of weights, [4][rest
 * rounded up to 4] bytes, 4 multipliers, 4 shifts (below 0: to the right); 16 readable bytes
 * behind the last ones are those of multipliers and shifts.   out may be twice the same. */
void edge_dot_2x4(const edge_dot_block *block, const uint32_t *weights);

#endif
