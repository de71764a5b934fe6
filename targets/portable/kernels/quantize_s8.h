#ifndef QUANTIZE_S8_H
#define QUANTIZE_S8_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t elements;
    float scale;
    int32_t zero_point;
} quantize_s8_params;

/* out = round(in / scale) + zero_point, saturated; halves away from zero, NaN becomes -128.
 * in float32, out int8; they must not overlap.   scale > 0.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int quantize_s8(const quantize_s8_params *p, const float *in, int8_t *out);

#endif
