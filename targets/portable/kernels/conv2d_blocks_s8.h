#ifndef CONV2D_BLOCKS_S8_H
#define CONV2D_BLOCKS_S8_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t in_height, in_width, in_channels;
    int32_t out_height, out_width, out_channels;
    int32_t kernel_height, kernel_width;
    int32_t stride_height, stride_width;
    int32_t dilation_height, dilation_width;
    int32_t pad_top, pad_left;
    int32_t in_zero_point;
    int32_t out_zero_point, out_min, out_max;
} conv2d_blocks_s8_params;

/* 2-D convolution, int8 in and out, some pixels by some channels at a time, double rounding.
 * in [h][w][cin]   out [oh][ow][cout]
 * Blocks of P pixels by C channels, as edge_block.h says, with taps unrolled U times:
 * weights [ceil(cout / C)][C / G][taps][G], taps = kh * kw * cin rounded up to a multiple of U:
 * the taps of G channels side by side, zeros where there is no tap or channel.
 * bias, multipliers, shifts: [cout rounded up to a multiple of C]; bias has
 * -in_zero_point * sum(weights of the channel) folded in; multipliers >= 0, shifts -22..-1.
 * Sums must stay below 2^23.   Sizes, strides and dilations >= 1; pads >= 0;
 * zero points -128..127; -128 <= out_min <= out_max <= 127.  out may overlap in by its lead.
 * scratch: P * (header + taps) cells, then kw * cin bytes for each of P pixels; aligned like a cell.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int conv2d_blocks_s8(const conv2d_blocks_s8_params *p, const int8_t *in, const int8_t *weights,
                     const int32_t *bias, const int32_t *multipliers, const int8_t *shifts,
                     void *scratch, int8_t *out);

#endif
