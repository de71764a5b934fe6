#ifndef CONV2D_MVE_S8_H
#define CONV2D_MVE_S8_H

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
    int32_t tail;
} conv2d_mve_s8_params;

/* 2-D convolution with Helium, int8 in and out, int32 sums, double rounding.
 * in [h][w][cin]   out [oh][ow][cout]   weights: packed for edge_dot_2x4, depth = kh * kw * cin,
 * in_zero_point folded into the bias.   tail: EDGE_TAIL_… of edge_mve_dot.h.
 * scratch: 2 * kh * kw * cin bytes, not read for kernels of 1 by 1 without strides and pads.
 * out must not overlap in.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int conv2d_mve_s8(const conv2d_mve_s8_params *p, const int8_t *in, const uint32_t *weights,
                  int8_t *out, void *scratch);

#endif
