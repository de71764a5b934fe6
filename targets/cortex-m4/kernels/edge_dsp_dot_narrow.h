#ifndef EDGE_DSP_DOT_NARROW_H
#define EDGE_DSP_DOT_NARROW_H

#include "edge_dsp_dot.h"

/* 3 pixels times pairs of output channels, weights of 4 bits, int32 sums.
 * weights: for each pair of channels the biases times 4096; for each four taps a word, whose bits
 * 0..3 are the first channel's weight of the first tap, 4..7 the second channel's, then those of
 * the second, third and fourth tap; multipliers m0, m1; addends c0, c1; and 12 - s0 +
 * 256 * (12 - s1), s the channel's left shift of 2 to 12, whose sign bit marks the last pair.
 * Sums stay within +-(2^19 - 1).   depth: a multiple of 4, at least 4.
 * block, out: as edge_dot_3x2, without EDGE_TAIL_SUMS; addend, first and entry are not used.
 * Returns the end of the weights that were read. */
const uint32_t *edge_dot_narrow_3x2(const edge_dot_block *block, const uint32_t *weights);

#endif
