#ifndef TANH_F32_H
#define TANH_F32_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t elements;
} tanh_f32_params;

/* out = tanh(in); relative error below 2e-7 (edge_math.h), float32.   out may equal in.
 * Returns EDGE_OK or EDGE_BAD_ARG (elements < 0); writes nothing on EDGE_BAD_ARG. */
int tanh_f32(const tanh_f32_params *p, const float *in, float *out);

#endif
