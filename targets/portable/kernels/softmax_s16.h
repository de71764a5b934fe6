#ifndef SOFTMAX_S16_H
#define SOFTMAX_S16_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t rows, depth;
    int32_t multiplier, shift;
} softmax_s16_params;

/* Softmax over rows of depth values, int16 in, probabilities of 15 fraction bits out.
 * exponentials [513]: exp over [-10, 0]; reciprocals [513]: 1 / (1 + x) over [0, 1]; both with 15
 * fraction bits, read with linear interpolation: LiteRT's SOFTMAX.
 * multiplier >= 0, shift -31..31: distances to the maximum become 65535 steps over [-10, 0].
 * depth 1..4095.   out may equal in.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int softmax_s16(const softmax_s16_params *p, const int16_t *exponentials,
                const int16_t *reciprocals, const int16_t *in, int16_t *out);

#endif
