#ifndef AVERAGE_POOL2D_DSP_S8_H
#define AVERAGE_POOL2D_DSP_S8_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t pixels;
    int32_t channels;
    int32_t low;
    int32_t high;
} average_pool2d_dsp_s8_params;

/* Mean over all pixels, halves away from zero, int8.
 * in [pixels][c], out [c], c a multiple of 4; scale and zero point are the input's.
 * out must not overlap in.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int average_pool2d_dsp_s8(const average_pool2d_dsp_s8_params *p, const int8_t *in, int8_t *out);

#endif
