#ifndef EDGE_DSP_DOT_WIDE_H
#define EDGE_DSP_DOT_WIDE_H

#include "edge_dsp_dot.h"

/* 3 pixels times pairs of output channels, int16 weights, int32 sums.
 * weights: for each pair of channels the biases b0, b1, for each two taps a word of either
 * channel's weights (both multiplied by 2^s, s the channel's left shift of 2 to 8, as the biases
 * are), multipliers m0, m1, addends c0, c1, and s0 - 1 + 256 * (s1 - 1), whose sign bit marks the
 * last pair.   depth: a multiple of 4, at least 4.
 * block, out: as edge_dot_3x2, without EDGE_TAIL_SUMS; the block's addend is not used.
 * Returns the end of the weights that were read. */
const uint32_t *edge_dot_wide_3x2(const edge_dot_block *block, const uint32_t *weights);

#endif
