#ifndef MUL_SHORT_S8_H
#define MUL_SHORT_S8_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t dims[4];      /* the output's elements, outermost first */
    int32_t a_strides[4]; /* elements of a between neighbours; 0 repeats */
    int32_t b_strides[4];
    int32_t a_zero_point;
    int32_t b_zero_point;
    int32_t out_zero_point;
    int32_t multiplier;
    int32_t shift;
    int32_t split;
    int32_t limit;
} mul_short_s8_params;

/* out = (a - a_zero_point) * (b - b_zero_point), rescaled as edge_scale.h says with EDGE_LINEAR,
 * int8, clamped to all of it.
 * Four nested loops with strides serve equal shapes, scalars, channel rows and any broadcast.
 * Zero points -128..127.   out may equal an operand that has the output's shape.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int mul_short_s8(const mul_short_s8_params *p, const int8_t *a, const int8_t *b, int8_t *out);

#endif
