/* Weights of 4 bits: two's complement, two to a byte, the first one in the low half. */
#ifndef EDGE_NIBBLES_H
#define EDGE_NIBBLES_H

#include "edgetool_kernels.h"

/* Writes count int8 from count / 2 bytes, rounded up. */
void edge_unpack_nibbles(const int8_t *packed, int32_t count, int8_t *weights);

#endif
