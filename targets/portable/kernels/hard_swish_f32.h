#ifndef HARD_SWISH_F32_H
#define HARD_SWISH_F32_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t elements;
} hard_swish_f32_params;

/* out = in * min(max(in + 3, 0), 6) / 6, float32.   out may equal in.
 * Returns EDGE_OK or EDGE_BAD_ARG (elements < 0); writes nothing on EDGE_BAD_ARG. */
int hard_swish_f32(const hard_swish_f32_params *p, const float *in, float *out);

#endif
