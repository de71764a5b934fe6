#ifndef QUANTIZE_S16_H
#define QUANTIZE_S16_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t elements;
    float scale;
    int32_t zero_point;
} quantize_s16_params;

/* out = round(in / scale) + zero_point, saturated; halves away from zero, NaN becomes -32768.
 * in float32, out int16; they must not overlap.   scale > 0.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int quantize_s16(const quantize_s16_params *p, const float *in, int16_t *out);

#endif
