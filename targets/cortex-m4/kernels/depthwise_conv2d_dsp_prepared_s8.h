#ifndef DEPTHWISE_CONV2D_DSP_PREPARED_S8_H
#define DEPTHWISE_CONV2D_DSP_PREPARED_S8_H

#include "depthwise_conv2d_dsp_s8.h"

typedef depthwise_conv2d_dsp_s8_params depthwise_conv2d_dsp_prepared_s8_params;

/* As depthwise_conv2d_dsp_s8.h, with rectified outputs and without another clamp.
 * constants: [out channel] words: for each kernel row and each two neighbouring taps their weights
 * as int16, shifted left by what the requantization would shift sums by; then the bias, shifted
 * too, the multiplier and what is added to its product. p->out_zero_point, out_min and out_max are
 * in them. */
#define DEPTHWISE_CONV2D_DSP_PREPARED_S8_PROTOTYPE(name) \
    int name(const depthwise_conv2d_dsp_prepared_s8_params *p, const int8_t *in, \
             const uint32_t *constants, int8_t *out, void *scratch)

#endif
