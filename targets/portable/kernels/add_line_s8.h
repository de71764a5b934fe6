#ifndef ADD_LINE_S8_H
#define ADD_LINE_S8_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t dims[4];      /* the output's elements, outermost first */
    int32_t a_strides[4]; /* elements of a between neighbours; 0 repeats */
    int32_t b_strides[4];
    int32_t a_factor;
    int32_t b_factor;
    int32_t offset;
    int32_t shift;
    int32_t low;
    int32_t high;
} add_line_s8_params;

/* out = (a * a_factor + b * b_factor + offset) >> shift, int8, clamped to low..high: a sum or a
 * difference whose scales and zero points are in the factors and the offset.
 * Four nested loops with strides serve equal shapes, scalars, channel rows and any broadcast.
 * The sum must stay within int32 for all int8 a and b.   shift 0..31.
 * out may equal an operand that has the output's shape.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int add_line_s8(const add_line_s8_params *p, const int8_t *a, const int8_t *b, int8_t *out);

#endif
