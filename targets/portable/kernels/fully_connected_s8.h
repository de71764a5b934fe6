#ifndef FULLY_CONNECTED_S8_H
#define FULLY_CONNECTED_S8_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t rows, in_size, out_size;
    int32_t out_zero_point, out_min, out_max;
    int32_t per_channel;
} fully_connected_s8_params;

/* Fully connected layer, int8 in and out, int32 accumulator, scaled as in double and rounded
 * once, halves away from zero.
 * in [rows][in_size]   weights [out_size][in_size]   out [rows][out_size]
 * bias [out_size]: -input zero point * sum(weights of the output) is folded in.
 * multipliers, shifts: [out_size] if per_channel, else [1]; factor = multiplier / 2^shift,
 * multipliers 0 or 2^52..2^53 - 1, shifts 33..94.
 * Sizes >= 1; out_zero_point -128..127; -128 <= out_min <= out_max <= 127; sums must
 * fit in int32.  out may overlap in by its lead.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int fully_connected_s8(const fully_connected_s8_params *p, const int8_t *in,
                       const int8_t *weights, const int32_t *bias, const uint64_t *multipliers,
                       const int8_t *shifts, int8_t *out);

#endif
