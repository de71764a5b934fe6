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
    int32_t segment_taps, segments;
    int32_t out_zero_point, out_min, out_max;
    int32_t tail, split, limit;
} conv2d_blocks_s8_params;

/* 2-D convolution, int8 in and out, 6 pixels by 4 channels at a time, rounded twice.
 * in [h][w][cin]   out [oh][ow][cout]
 * A window's kh * kw * cin taps are summed in segments, each with sums that edge_triple.h can hold
 * (that of a single one with the bias). edge_block.h says how many channels G lie side by side, and
 * what segment_taps is a multiple of:
 * weights [ceil(cout / 4)][segments][4 / G][segment_taps][G], zeros where there is no tap or channel.
 * bias, multipliers, shifts: [cout rounded up to a multiple of 4]; bias has
 * -in_zero_point * sum(weights of the channel) folded in.
 * tail, split, limit, multipliers, shifts: as edge_scale.h says; with any tail, sums stay below 2^23.
 * Sizes, strides and dilations >= 1; pads >= 0;
 * zero points -128..127; -128 <= out_min <= out_max <= 127.  out may overlap in by its lead.
 * scratch: 16 bytes for each tap, and for each segment where the core's edge_block.h has offsets;
 * then, if windows reach beyond the image, 6 * kw * cin bytes; aligned to 4.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int conv2d_blocks_s8(const conv2d_blocks_s8_params *p, const int8_t *in, const int8_t *weights,
                     const int32_t *bias, const int32_t *multipliers, const int8_t *shifts,
                     void *scratch, int8_t *out);

#endif
