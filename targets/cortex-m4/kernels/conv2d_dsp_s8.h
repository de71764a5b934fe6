#ifndef CONV2D_DSP_S8_H
#define CONV2D_DSP_S8_H

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
} conv2d_dsp_s8_params;

/* 2-D convolution with the dual multiply-accumulate, int8 in and out, int32 sums, double rounding.
 * in [h][w][cin]   out [oh][ow][cout]   weights: packed for edge_dot_3x2, depth = kh * kw * cin
 * rounded up to 4, cout rounded up to 2; sums below 2^23.   tail: EDGE_TAIL_RECTIFIED or
 * EDGE_TAIL_LINEAR; with EDGE_TAIL_SUMS the words of scales are m0, m1, shifts n0, n1, unused.
 * scratch: 4-byte aligned, 6 * depth bytes of columns; then cin bytes, or 3 * depth if cin is
 * no multiple of 4; then 3 * (cout + cout % 2) bytes if cout is odd or there are fewer than 3 pixels.
 * out must not overlap in.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int conv2d_dsp_s8(const conv2d_dsp_s8_params *p, const int8_t *in, const uint32_t *weights,
                  int8_t *out, void *scratch);

#endif
