#ifndef ADD_S16_H
#define ADD_S16_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t dims[4];      /* the output's elements, outermost first */
    int32_t a_strides[4]; /* elements of a between neighbours; 0 repeats */
    int32_t b_strides[4];
    int32_t b_sign;
    int32_t a_zero_point;
    int32_t a_multiplier;
    int32_t a_shift;
    int32_t b_zero_point;
    int32_t b_multiplier;
    int32_t b_shift;
    int32_t out_zero_point;
    int32_t out_multiplier;
    int32_t out_shift;
    int32_t low;
    int32_t high;
} add_s16_params;

/* out = a + b_sign * b, int16, each side with its own scale and zero point, clamped to low..high.
 * Four nested loops with strides serve equal shapes, scalars, channel rows and any broadcast.
 * Operands are shifted left by 15 bits, rescaled, added, rescaled: LiteRT's ADD and SUB.
 * b_sign 1 or -1.   multipliers >= 0, shifts -31..0 for a and b, -31..31 for out.
 * out may equal an operand that has the output's shape.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int add_s16(const add_s16_params *p, const int16_t *a, const int16_t *b, int16_t *out);

#endif
