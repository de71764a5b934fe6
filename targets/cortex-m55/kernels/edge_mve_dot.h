#ifndef EDGE_MVE_DOT_H
#define EDGE_MVE_DOT_H

#include "edge_mve.h"

/* What all pixels of a layer share. The order of the fields is the order of the code's loads.
 * weights: for each 4 output channels [vector][4][16] bytes, [4][rest rounded up to 4] bytes,
 * then 4 biases, 4 multipliers and 4 shifts (below 0: to the right), whose 48 bytes may be read
 * with the last weights. */
typedef struct {
    const uint32_t *weights;
    int32_t whole;   /* taps of the whole vectors, a multiple of 16, at least 16 */
    int32_t skipped; /* bytes of code: vectors missing in the unrolled loop's first round */
    int32_t rest;    /* taps behind the whole vectors, 0..15 */
    int32_t tail;    /* EDGE_TAIL_... */
    int32_t channels;
    int32_t out_zero_point, low, high;
    int32_t left_shift; /* of all sums, with saturation; EDGE_TAIL_PRECISE only */
} edge_dot_layer;

/* Pixels whose taps lie side by side, step bytes from one to the next.   out [pixel][channels] */
typedef struct {
    const int8_t *pixels;
    int32_t step;
    int8_t *out;
    int32_t count;
} edge_dot_run;

#define EDGE_DOT_UNROLLED 4
#define EDGE_DOT_CODE_BYTES 56 /* of a vector in edge_dot_2x4 */

/* Splits depth taps, at least 16; the first vector is not part of the loop. */
static inline void edge_dot_set_depth(edge_dot_layer *layer, int32_t depth)
{
    const int32_t vectors = depth / EDGE_VECTOR, looped = vectors - 1;
    const int32_t missing = looped > 0 ? -looped & (EDGE_DOT_UNROLLED - 1) : EDGE_DOT_UNROLLED;
    layer->whole = vectors * EDGE_VECTOR;
    layer->rest = depth - layer->whole;
    layer->skipped = missing * EDGE_DOT_CODE_BYTES;
}

/* All output channels of each pixel: int8 taps, int32 sums, double rounding.
 * The outputs of a pixel may overlap the taps of pixels before it, not its own nor those of the
 * pixel after the first of two. */
void edge_dot(const edge_dot_layer *layer, const edge_dot_run *run);

#endif
