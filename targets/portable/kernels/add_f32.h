#ifndef ADD_F32_H
#define ADD_F32_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t dims[4];      /* the output's elements, outermost first */
    int32_t a_strides[4]; /* elements of a between neighbours; 0 repeats */
    int32_t b_strides[4];
    float b_sign;
    float low;
    float high;
} add_f32_params;

/* out = a + b_sign * b, float32, clamped to low..high.
 * Four nested loops with strides serve equal shapes, scalars, channel rows and any broadcast.
 * out may equal an operand that has the output's shape.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int add_f32(const add_f32_params *p, const float *a, const float *b, float *out);

#endif
