#ifndef LOOKUP_S8_H
#define LOOKUP_S8_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t elements;
} lookup_s8_params;

/* out = table[in + 128]: any int8 function of one byte (sigmoid, tanh, leaky ReLU, hard swish).
 * table [256].   out may equal in.
 * Returns EDGE_OK or EDGE_BAD_ARG (elements < 0); writes nothing on EDGE_BAD_ARG. */
int lookup_s8(const lookup_s8_params *p, const int8_t *in, const int8_t *table, int8_t *out);

#endif
