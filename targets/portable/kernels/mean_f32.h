#ifndef MEAN_F32_H
#define MEAN_F32_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t kept[3];            /* output elements, outermost first */
    int32_t kept_strides[3];    /* elements of in */
    int32_t reduced[3];
    int32_t reduced_strides[3];
    int32_t count;              /* product of reduced */
} mean_f32_params;

/* Mean over any axes, float32, summed in order.   out may overlap in by its lead.
 * Returns EDGE_OK or EDGE_BAD_ARG (count < 1); writes nothing on EDGE_BAD_ARG. */
int mean_f32(const mean_f32_params *p, const float *in, float *out);

#endif
