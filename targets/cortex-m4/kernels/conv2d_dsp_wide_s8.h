#ifndef CONV2D_DSP_WIDE_S8_H
#define CONV2D_DSP_WIDE_S8_H

#include "edge_dsp_conv2d.h"

typedef edge_dsp_conv2d_params conv2d_dsp_wide_s8_params;

/* 2-D convolution with the dual multiply-accumulate: edge_dsp_conv2d with weights packed for
 * edge_dot_wide_3x2. tail: EDGE_TAIL_RECTIFIED or EDGE_TAIL_LINEAR. */
int conv2d_dsp_wide_s8(const conv2d_dsp_wide_s8_params *p, const int8_t *in,
                       const uint32_t *weights, int8_t *out, void *scratch);

#endif
