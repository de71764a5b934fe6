#ifndef DEPTHWISE_CONV2D_MVE_S8_H
#define DEPTHWISE_CONV2D_MVE_S8_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t in_height, in_width, in_channels;
    int32_t out_height, out_width, multiplier;
    int32_t kernel_height, kernel_width;
    int32_t stride_height, stride_width;
    int32_t dilation_height;
    int32_t pad_top, pad_left;
    int32_t in_zero_point;
    int32_t out_zero_point, out_min, out_max;
    int32_t tail, pitch;
} depthwise_conv2d_mve_s8_params;

/* Depthwise 2-D convolution with Helium, int8 in and out, int32 sums, double rounding.
 * in [h][w][cin]   out [oh][ow][cin * multiplier]
 * weights: for each 4 output channels (the last padded with zeros) [4][kw * kh] bytes, then 4
 * biases, 4 multipliers, 4 shifts; in_zero_point is folded into the bias.
 * tail: EDGE_TAIL_... of edge_mve.h.   Columns are not dilated, but for kernel_width 1.
 * scratch: cin * pitch bytes and as many more as the taps of a window fill vectors.
 * pitch: kernel_height * columns and up to (oh - 1) * stride_height more, fewer than 8192 in all;
 * columns = (ow - 1) * stride_width + kernel_width.
 * Rows of the output may overlap rows of the input that no later row of windows reads anew.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int depthwise_conv2d_mve_s8(const depthwise_conv2d_mve_s8_params *p, const int8_t *in,
                            const uint32_t *weights, int8_t *out, void *scratch);

#endif
