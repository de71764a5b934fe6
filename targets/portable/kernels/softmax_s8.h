#ifndef SOFTMAX_S8_H
#define SOFTMAX_S8_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t rows;
    int32_t depth;
    int32_t entries;
} softmax_s8_params;

/* Softmax along rows, int8: LiteRT's fixed-point arithmetic, exp taken from a table.
 * in, out [rows][depth]; out has scale 1/256 and zero point -128.   depth 1..4095.
 * exponentials [entries]: exp(-beta * scale * d) * 2^31 for distances d = 0, 1, … from the row's
 * maximum; larger distances give the smallest code.   entries 1..256.   out may equal in.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int softmax_s8(const softmax_s8_params *p, const int32_t *exponentials, const int8_t *in,
    int8_t *out);

#endif
