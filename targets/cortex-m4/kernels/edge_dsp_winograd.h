/* Winograd's minimal filtering of 3 x 3 kernels in exact integers.
 * A tile of outputs comes from a few more inputs along each side. Both are transformed so that a
 * product at each of the inputs' positions, summed over the channels, takes the place of nine at
 * each output. A block is 3 tiles, whose values lie side by side. */
#ifndef EDGE_DSP_WINOGRAD_H
#define EDGE_DSP_WINOGRAD_H

#include "edge_dsp_dot.h"

#define EDGE_WINOGRAD_OUTPUTS 4 /* along a side of a tile, at most */

typedef struct {
    int32_t in_height, in_width, in_channels;
    int32_t out_height, out_width, out_channels;
    int32_t pad_top, pad_left;
    int32_t in_zero_point;
    int32_t out_min, out_max;
} edge_winograd_params;

/* How sums of one output channel become int8. The sums' combinations, which come times a constant,
 * become those of the convolution, shifted by s, when multiplied by factor modulo 2^32. */
typedef struct {
    int32_t factor, bias, multiplier, addend;
    int32_t nudge; /* 2^(s - 1) where sums below zero round the other way, else 0 */
} edge_winograd_scale;

typedef struct {
    int32_t outputs, inputs; /* along a side of a tile */

    /* One tile's inputs to its values as columns of edge_dot.
     * in: rows of pixels; row and pixel: bytes from one to the next; 4 * groups channels.
     * values: of this tile; [inputs^2][2 * groups][3 tiles] pairs of int16, channels 0 2, 1 3 of
     * each four. */
    void (*transform_inputs)(const int8_t *in, uint32_t *values, int32_t groups, int32_t row,
                             int32_t pixel);

    /* Outputs of a tile, two channels side by side, from its sums.
     * sums: [inputs^2][2 output channels][3 tiles].   row, pixel: bytes from one to the next. */
    void (*transform_sums)(const int32_t *sums, const edge_winograd_scale *scales, int8_t *out,
                           int32_t row, int32_t pixel);
} edge_winograd_scheme;

/* 3 x 3 convolution without stride, int8 in and out, double rounding.
 * in [h][w][cin]   out [oh][ow][cout]   cin: a multiple of 4; cout: of 2.
 * weights: for each pair of output channels and each position b0, b1, from which sums start, then
 * for every two input channels a word of either output channel's int16.   scales: [cout].
 * scratch: 4-byte aligned; for each position 6 * cin + 24 bytes, then cin.
 * A block is read before its outputs are written, so that in may begin behind out.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int edge_winograd_conv2d(const edge_winograd_params *p, const edge_winograd_scheme *scheme,
                         const int8_t *in, const uint32_t *weights,
                         const edge_winograd_scale *scales, int8_t *out, void *scratch);

#endif
