#ifndef CLIP_F32_H
#define CLIP_F32_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t elements;
    float low;
    float high;
} clip_f32_params;

/* out = in limited to low..high; NaN stays NaN, float32.   out may equal in.
 * Returns EDGE_OK or EDGE_BAD_ARG (elements < 0, low > high); writes nothing on EDGE_BAD_ARG. */
int clip_f32(const clip_f32_params *p, const float *in, float *out);

#endif
