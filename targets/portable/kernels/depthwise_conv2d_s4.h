#ifndef DEPTHWISE_CONV2D_S4_H
#define DEPTHWISE_CONV2D_S4_H

#include "depthwise_conv2d_s8.h"

typedef depthwise_conv2d_s8_params depthwise_conv2d_s4_params;

/* depthwise_conv2d_s8 with weights of 4 bits, packed as edge_nibbles.h says.
 * scratch: kh * kw * cout bytes, the weights as int8.   All else is depthwise_conv2d_s8's.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int depthwise_conv2d_s4(const depthwise_conv2d_s4_params *p, const int8_t *in,
                        const int8_t *weights, const int32_t *bias, const int32_t *multipliers,
                        const int8_t *shifts, int8_t *out, void *scratch);

#endif
