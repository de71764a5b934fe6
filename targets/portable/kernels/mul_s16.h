#ifndef MUL_S16_H
#define MUL_S16_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t dims[4];      /* the output's elements, outermost first */
    int32_t a_strides[4]; /* elements of a between neighbours; 0 repeats */
    int32_t b_strides[4];
    int32_t a_zero_point;
    int32_t b_zero_point;
    int32_t out_zero_point;
    int32_t out_multiplier;
    int32_t out_shift;
    int32_t low;
    int32_t high;
} mul_s16_params;

/* out = a * b, int16, each side with its own scale and zero point, clamped to low..high.
 * Four nested loops with strides serve equal shapes, scalars, channel rows and any broadcast.
 * out_multiplier >= 0, out_shift -31..31. Arithmetic of LiteRT's MUL.
 * out may equal an operand that has the output's shape.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int mul_s16(const mul_s16_params *p, const int16_t *a, const int16_t *b, int16_t *out);

#endif
