#ifndef ADD_DSP_S8_H
#define ADD_DSP_S8_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t count;
    int32_t a_zero_point;
    int32_t b_zero_point;
    int32_t b_multiplier;
    int32_t b_shift;
    int32_t out_zero_point;
    int32_t out_multiplier;
    int32_t out_shift;
    int32_t low;
    int32_t high;
} add_dsp_s8_params;

/* out = a + b, int8, of equal shapes; a has the larger scale, whose factor is one half, so that
 * only b is multiplied.   b_shift 0..31, out_shift 1..21, both to the right; multipliers
 * 2^30..2^31 - 1, b_multiplier also 0; low and high -128..127.
 * out may equal a or b.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int add_dsp_s8(const add_dsp_s8_params *p, const int8_t *a, const int8_t *b, int8_t *out);

#endif
