#ifndef FULLY_CONNECTED_S16_H
#define FULLY_CONNECTED_S16_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t rows, in_size, out_size;
    int32_t out_zero_point, out_min, out_max;
    int32_t per_channel;
} fully_connected_s16_params;

/* Fully connected layer, int16 in and out, int8 weights, int32 accumulator, scaled as in double
 * and rounded once, halves away from zero.
 * in [rows][in_size]   weights [out_size][in_size]   bias [out_size]   out [rows][out_size]
 * multipliers, shifts: [out_size] if per_channel, else [1]; factor = multiplier / 2^shift,
 * multipliers 0 or 2^52..2^53 - 1, shifts 33..94.
 * Sizes >= 1; out_zero_point 0; -32768 <= out_min <= out_max <= 32767; sums must
 * fit in int32.  out may overlap in by its lead.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int fully_connected_s16(const fully_connected_s16_params *p, const int16_t *in,
                        const int8_t *weights, const int32_t *bias, const uint64_t *multipliers,
                        const int8_t *shifts, int16_t *out);

#endif
