#ifndef DEPTHWISE_CONV2D_MVE_S8_H
#define DEPTHWISE_CONV2D_MVE_S8_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t in_height, in_width, channels;
    int32_t out_height, out_width;
    int32_t kernel_height, kernel_width;
    int32_t stride_height, stride_width;
    int32_t pad_top, pad_left;
    int32_t in_zero_point;
    int32_t out_zero_point, out_min, out_max;
    int32_t tail;
} depthwise_conv2d_mve_s8_params;

/* Depthwise 2-D convolution with Helium, 8 channels at once, int8 in and out, int16 sums of two
 * taps, int32 sums, double rounding with right shifts.
 * in [h][w][c]   out [oh][ow][c]   weights: for each 8 channels (the last padded with zeros)
 * [tap][8] bytes above -128; then bias, multipliers and shifts (0 or below), each 4 words of
 * channels 0 2 4 6 and 4 of 1 3 5 7; in_zero_point is folded into the bias.
 * tail: EDGE_TAIL_RECTIFIED or EDGE_TAIL_LINEAR of edge_mve_dot.h.
 * scratch: 8 * kernel_height * columns bytes,
 * columns = (ow - 1) * stride_width + kernel_width.
 * out must not overlap in.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int depthwise_conv2d_mve_s8(const depthwise_conv2d_mve_s8_params *p, const int8_t *in,
                            const uint32_t *weights, int8_t *out, void *scratch);

#endif
