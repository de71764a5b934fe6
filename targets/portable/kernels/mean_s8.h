#ifndef MEAN_S8_H
#define MEAN_S8_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t kept[3];            /* output elements, outermost first */
    int32_t kept_strides[3];    /* elements of in */
    int32_t reduced[3];
    int32_t reduced_strides[3];
    int32_t count;              /* product of reduced */
    int32_t in_zero_point;
    int32_t multiplier;
    int32_t shift;
    int32_t out_zero_point;
} mean_s8_params;

/* Mean over any axes, int8, with rescaling: LiteRT's MEAN.
 * out = (sum(in) - count * in_zero_point) * multiplier / 2^31 * 2^shift + out_zero_point,
 * saturated; the factor contains 1 / count.   multiplier >= 0, shift -31..31.
 * out may overlap in by its lead.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int mean_s8(const mean_s8_params *p, const int8_t *in, int8_t *out);

#endif
