#ifndef TRANSPOSE_CONV2D_S8_H
#define TRANSPOSE_CONV2D_S8_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t in_height, in_width, in_channels;
    int32_t out_height, out_width, out_channels;
    int32_t kernel_height, kernel_width;
    int32_t stride_height, stride_width;
    int32_t pad_top, pad_left;
    int32_t in_zero_point;
    int32_t out_zero_point, out_min, out_max;
    int32_t per_channel;
} transpose_conv2d_s8_params;

/* Transposed 2-D convolution, int8 in and out, int32 accumulator, double rounding.
 * in [h][w][cin]   weights [cout][kh][kw][cin]   bias [cout]   out [oh][ow][cout]
 * Output row y receives input row i through tap y + pad_top - i * stride_height, if there is one.
 * multipliers, shifts: [cout] if per_channel, else [1]; multipliers >= 0, shifts -31..31.
 * Sizes and strides >= 1; pads >= 0; zero points -128..127;
 * -128 <= out_min <= out_max <= 127; sums must fit in int32.  out may overlap in by its lead.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int transpose_conv2d_s8(const transpose_conv2d_s8_params *p, const int8_t *in,
                        const int8_t *weights, const int32_t *bias, const int32_t *multipliers,
                        const int8_t *shifts, int8_t *out);

#endif
