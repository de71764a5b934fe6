#ifndef REQUANTIZE_S16_H
#define REQUANTIZE_S16_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t elements;
    int32_t in_zero_point;
    int32_t multiplier;
    int32_t shift;
    int32_t out_zero_point;
    int32_t low;
    int32_t high;
} requantize_s16_params;

/* out = (in - in_zero_point) * multiplier / 2^31 * 2^shift + out_zero_point, clamped to low..high.
 * Int16 under other parameters; with bounds also a ReLU or clip that stands alone.
 * multiplier >= 0, shift -31..31.   out may equal in.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int requantize_s16(const requantize_s16_params *p, const int16_t *in, int16_t *out);

#endif
