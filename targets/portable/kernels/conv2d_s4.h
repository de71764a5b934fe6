#ifndef CONV2D_S4_H
#define CONV2D_S4_H

#include "conv2d_s8.h"

typedef conv2d_s8_params conv2d_s4_params;

/* conv2d_s8 with weights of 4 bits.
 * weights: as edge_nibbles.h says, the channels' [kh][kw][cin/groups] one after another, each
 * from a whole byte on.   scratch: kh * kw * cin/groups bytes, the weights of one channel.
 * All else, bias included, is conv2d_s8's.  out must not overlap in.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int conv2d_s4(const conv2d_s4_params *p, const int8_t *in, const int8_t *weights,
              const int32_t *bias, const int32_t *multipliers, const int8_t *shifts, int8_t *out,
              void *scratch);

#endif
