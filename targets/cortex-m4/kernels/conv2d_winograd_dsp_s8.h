#ifndef CONV2D_WINOGRAD_DSP_S8_H
#define CONV2D_WINOGRAD_DSP_S8_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t in_height, in_width, in_channels;
    int32_t out_height, out_width, out_channels;
    int32_t pad_top, pad_left;
    int32_t in_zero_point;
    int32_t out_min, out_max;
} conv2d_winograd_dsp_s8_params;

/* 3 x 3 convolution without stride by Winograd's F(4 x 4, 3 x 3) in exact integers, int8 in and
 * out, double rounding.
 * in [h][w][cin]   out [oh][ow][cout]   cin: a multiple of 4; cout: of 2.
 * weights: for each pair of output channels the stream of edge_winograd_dot, then factor, bias,
 * multiplier, addend and nudge of either channel.
 * scratch: 4-byte aligned; 216 * cin bytes of values, 864 of sums, 36 * cin of inputs.
 * Three tiles are read before their outputs are written: in may begin behind out as
 * kernels/dsp_conv2d_winograd.py says.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int conv2d_winograd_dsp_s8(const conv2d_winograd_dsp_s8_params *p, const int8_t *in,
                           const uint32_t *weights, int8_t *out, void *scratch);

#endif
