#ifndef CONV2D_WINOGRAD_4X4_DSP_S8_H
#define CONV2D_WINOGRAD_4X4_DSP_S8_H

#include "edge_dsp_winograd.h"

typedef edge_winograd_params conv2d_winograd_4x4_dsp_s8_params;

/* 3 x 3 convolution without stride: edge_winograd_conv2d by F(4 x 4, 3 x 3).
 * weights: transformed.   scales: [cout][5], edge_winograd_scale.
 * scratch: 4-byte aligned, 252 * cin + 864 bytes. */
int conv2d_winograd_4x4_dsp_s8(const conv2d_winograd_4x4_dsp_s8_params *p, const int8_t *in,
                               const uint32_t *weights, const int32_t *scales, int8_t *out,
                               void *scratch);

#endif
