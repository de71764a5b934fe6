#ifndef SOFTMAX_F32_H
#define SOFTMAX_F32_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t rows;
    int32_t depth;
    float beta;
} softmax_f32_params;

/* Softmax along rows, float32: exp(beta * in) over its sum.
 * in, out [rows][depth].   depth >= 1.   out may equal in.   exp as in edge_math.h.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int softmax_f32(const softmax_f32_params *p, const float *in, float *out);

#endif
