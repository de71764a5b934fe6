#ifndef FULLY_CONNECTED_F32_H
#define FULLY_CONNECTED_F32_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t rows, in_size, out_size;
    float out_min, out_max;
} fully_connected_f32_params;

/* Fully connected layer, float, accumulated in float.
 * in [rows][in_size]   weights [out_size][in_size]   bias [out_size] or NULL
 * out [rows][out_size], must not overlap in.  Sizes >= 1; out_min <= out_max.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int fully_connected_f32(const fully_connected_f32_params *p, const float *in,
                        const float *weights, const float *bias, float *out);

#endif
