#ifndef CONV2D_S16_H
#define CONV2D_S16_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t in_height, in_width, in_channels;
    int32_t out_height, out_width, out_channels;
    int32_t kernel_height, kernel_width;
    int32_t stride_height, stride_width;
    int32_t dilation_height, dilation_width;
    int32_t pad_top, pad_left;
    int32_t groups;
    int32_t in_zero_point;
    int32_t out_zero_point, out_min, out_max;
    int32_t per_channel;
} conv2d_s16_params;

/* 2-D convolution, int16 in and out, int8 weights, 48-bit sums, rounded once.
 * in [h][w][cin]   weights [cout][kh][kw][cin/groups]   bias [cout]   out [oh][ow][cout]
 * multipliers, shifts: [cout] if per_channel, else [1]; 0 <= multiplier < 2^15, shifts 8..46.
 * Sizes, strides, dilations and groups >= 1; pads >= 0; zero points 0; -32768 <= out_min <= out_max <= 32767;
 * sums must fit in 48 bits.  out may overlap in by its lead.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int conv2d_s16(const conv2d_s16_params *p, const int16_t *in, const int8_t *weights,
               const int32_t *bias, const int16_t *multipliers, const int8_t *shifts,
               int16_t *out);

#endif
