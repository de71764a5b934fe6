#ifndef CONV2D_WINOGRAD_2X2_DSP_S8_H
#define CONV2D_WINOGRAD_2X2_DSP_S8_H

#include "edge_dsp_winograd.h"

typedef edge_winograd_params conv2d_winograd_2x2_dsp_s8_params;

/* 3 x 3 convolution without stride: edge_winograd_conv2d by F(2 x 2, 3 x 3), whose weights are
 * transformed before each run.
 * weights [cout][3][3][cin], 4-byte aligned.   scales: [cout][5], edge_winograd_scale.
 * scratch: 4-byte aligned, 32 * cout * (cin + 2) bytes of weights, then 112 * cin + 384. */
int conv2d_winograd_2x2_dsp_s8(const conv2d_winograd_2x2_dsp_s8_params *p, const int8_t *in,
                               const int8_t *weights, const int32_t *scales, int8_t *out,
                               void *scratch);

#endif
