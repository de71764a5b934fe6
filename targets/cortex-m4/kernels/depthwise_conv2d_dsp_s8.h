#ifndef DEPTHWISE_CONV2D_DSP_S8_H
#define DEPTHWISE_CONV2D_DSP_S8_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t in_height, in_width, channels;
    int32_t out_height, out_width;
    int32_t stride_height, stride_width;
    int32_t dilation_height;
    int32_t pad_top, pad_left;
    int32_t in_zero_point;
    int32_t out_min, out_max;
} depthwise_conv2d_dsp_s8_params;

/* Depthwise 3x3 convolution with the dual multiply-accumulate, int8, double rounding; smaller
 * kernels come with weights of zero at the right and below.
 * in [h][w][c]   out [oh][ow][c]   c a multiple of 4; the lower clamp is not below the output's
 * zero point.   weights: 22 words for each 4 channels: 9 taps of 4 bytes, bias, multipliers and
 * addends of 4 words, left shifts 2..8 as 4 bytes; sums << shift fit in int32.
 * scratch: 4-byte aligned, 120 bytes and 24 for each of (ow - 1) * stride_width + 3 columns.
 * out must not overlap in.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int depthwise_conv2d_dsp_s8(const depthwise_conv2d_dsp_s8_params *p, const int8_t *in,
                            const uint32_t *weights, int8_t *out, void *scratch);

#endif
