#ifndef DEQUANTIZE_S8_H
#define DEQUANTIZE_S8_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t elements;
    float scale;
    int32_t zero_point;
} dequantize_s8_params;

/* out = (in - zero_point) * scale.   in int8, out float32; they must not overlap.
 * Returns EDGE_OK or EDGE_BAD_ARG (elements < 0); writes nothing on EDGE_BAD_ARG. */
int dequantize_s8(const dequantize_s8_params *p, const int8_t *in, float *out);

#endif
