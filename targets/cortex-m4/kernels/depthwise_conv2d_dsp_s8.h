#ifndef DEPTHWISE_CONV2D_DSP_S8_H
#define DEPTHWISE_CONV2D_DSP_S8_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t in_rows, out_rows;
    int32_t pad_top;
    int32_t strip_rows;
    int32_t in_zero_point;
    int32_t out_zero_point, out_min, out_max;
} depthwise_conv2d_dsp_s8_params;

/* Depthwise 2-D convolution with the dual multiply-accumulate, int8 in and out, double rounding.
 * Not one function but a family: each geometry is an instance of depthwise_conv2d_dsp_s8_body.h,
 * whose macros hold widths, channels, kernel and strides. Rows and columns are the image's own, or
 * exchanged.
 * in [in_rows][columns][channels]   out [out_rows][columns][channels * multiplier]
 * weights [out channel][kernel row][kernel column], of 4 bits each channel from a whole byte on   bias, multipliers, shifts [out channel]; the
 * zero point is not folded into the bias; multipliers 2^30..2^31 - 1 or 0, shifts as in
 * edge_multiply_double_rounding.
 * strip_rows: output rows that are made of what scratch holds at one time.   scratch: 4-byte
 * aligned; its size, and what shifts and sums may be, is what dsp_depthwise_conv2d.py computes.
 * out may be in where both have the same rows, columns and channels and strides are 1.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
#define DEPTHWISE_CONV2D_DSP_S8_PROTOTYPE(name) \
    int name(const depthwise_conv2d_dsp_s8_params *p, const int8_t *in, const int8_t *weights, \
             const int32_t *bias, const int32_t *multipliers, const int8_t *shifts, int8_t *out, \
             void *scratch)

#endif
