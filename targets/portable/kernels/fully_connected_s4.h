#ifndef FULLY_CONNECTED_S4_H
#define FULLY_CONNECTED_S4_H

#include "fully_connected_s8.h"

typedef fully_connected_s8_params fully_connected_s4_params;

/* fully_connected_s8 with weights of 4 bits.
 * weights: as edge_nibbles.h says, the outputs' [in_size] one after another, each from a whole
 * byte on.   scratch: in_size bytes.   All else is fully_connected_s8's.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int fully_connected_s4(const fully_connected_s4_params *p, const int8_t *in,
                       const int8_t *weights, const int32_t *bias, const uint64_t *multipliers,
                       const int8_t *shifts, int8_t *out, void *scratch);

#endif
