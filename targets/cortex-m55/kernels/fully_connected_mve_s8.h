#ifndef FULLY_CONNECTED_MVE_S8_H
#define FULLY_CONNECTED_MVE_S8_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t rows, in_size, out_size;
    int32_t depth, left_shift;
    int32_t out_zero_point, out_min, out_max;
} fully_connected_mve_s8_params;

/* Fully connected layer with Helium, int8 in and out, int32 sums, shifted left with saturation,
 * then multiplied and rounded twice: where the compiler has proven that this is what one rounding
 * in double gives.
 * in [rows][in_size]   out [rows][out_size]   weights: packed for edge_dot (edge_mve_dot.h), depth
 * taps: in_size, or zeros behind them up to 16; the input's zero point is folded into the bias.
 * scratch: depth bytes where that is more than in_size, else not used.
 * The outputs of two rows may overlap rows before them.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int fully_connected_mve_s8(const fully_connected_mve_s8_params *p, const int8_t *in,
                           const uint32_t *weights, int8_t *out, void *scratch);

#endif
