#ifndef DEPTHWISE_CONV2D_F32_H
#define DEPTHWISE_CONV2D_F32_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t in_height, in_width, in_channels;
    int32_t out_height, out_width, out_channels;
    int32_t kernel_height, kernel_width;
    int32_t stride_height, stride_width;
    int32_t dilation_height, dilation_width;
    int32_t pad_top, pad_left;
    float out_min, out_max;
} depthwise_conv2d_f32_params;

/* Depthwise 2-D convolution, float, accumulated in float.
 * in [h][w][cin]   weights [kh][kw][cout]   bias [cout] or NULL   out [oh][ow][cout], cout a
 * multiple of cin; output channel c * (cout / cin) + j reads input channel c.
 * Sizes, strides and dilations >= 1; pads >= 0; out_min <= out_max.  out may overlap in by its lead.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int depthwise_conv2d_f32(const depthwise_conv2d_f32_params *p, const float *in,
                         const float *weights, const float *bias, float *out);

#endif
