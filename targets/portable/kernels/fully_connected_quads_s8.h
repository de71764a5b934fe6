#ifndef FULLY_CONNECTED_QUADS_S8_H
#define FULLY_CONNECTED_QUADS_S8_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t rows, in_size, out_size;
    int32_t out_zero_point;
    int32_t tail, split, limit;
} fully_connected_quads_s8_params;

/* Rows times weights, int8 in and out, four outputs at a time, clamped to all of int8.
 * in [rows][in_size]   out [rows][out_size]
 * weights + 128 as unsigned bytes: of each four outputs [in_size][4], of those left over [in_size].
 * bias, multipliers, shifts [out_size]: bias has -in_zero_point * sum(weights) folded in; tail
 * (EDGE_RECTIFIED or EDGE_LINEAR), split, limit, multipliers, shifts: as edge_scale.h says of sums
 * that are rounded once.   Sizes >= 1; zero point -128..127.  out may overlap in by its lead.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int fully_connected_quads_s8(const fully_connected_quads_s8_params *p, const int8_t *in,
                             const int8_t *weights, const int32_t *bias,
                             const int32_t *multipliers, const int8_t *shifts, int8_t *out);

#endif
