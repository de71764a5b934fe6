#ifndef DEQUANTIZE_S16_H
#define DEQUANTIZE_S16_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t elements;
    float scale;
    int32_t zero_point;
} dequantize_s16_params;

/* out = (in - zero_point) * scale.   in int16, out float32; they must not overlap.
 * Returns EDGE_OK or EDGE_BAD_ARG (elements < 0); writes nothing on EDGE_BAD_ARG. */
int dequantize_s16(const dequantize_s16_params *p, const int16_t *in, float *out);

#endif
