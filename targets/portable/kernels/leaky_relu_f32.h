#ifndef LEAKY_RELU_F32_H
#define LEAKY_RELU_F32_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t elements;
    float alpha;
} leaky_relu_f32_params;

/* out = in where positive, else alpha * in, float32.   out may equal in.
 * Returns EDGE_OK or EDGE_BAD_ARG (elements < 0); writes nothing on EDGE_BAD_ARG. */
int leaky_relu_f32(const leaky_relu_f32_params *p, const float *in, float *out);

#endif
