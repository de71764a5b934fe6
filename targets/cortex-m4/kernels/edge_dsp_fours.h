#ifndef EDGE_DSP_FOURS_H
#define EDGE_DSP_FOURS_H

#include "edge_dsp.h"

/* Adds int16 inputs times the weights of 4 outputs, 16 multiply-accumulates in 14 instructions.
 * in, end: words of inputs 0 and 2, then 1 and 3 of each four; at least one four.
 * weights: as in fully_connected_dsp_s8.h; returns where they end.
 * sums: of the first and third output; those of the second and fourth are times 256, plus the sum
 * of the one before. */
const uint32_t *edge_dot_fours(const uint32_t *in, const uint32_t *end, const uint32_t *weights,
                               int32_t sums[4]);

#endif
