#ifndef CONV2D_DSP_S4_H
#define CONV2D_DSP_S4_H

#include "edge_dsp_conv2d.h"

typedef edge_dsp_conv2d_params conv2d_dsp_s4_params;

/* edge_dsp_conv2d with weights of 4 bits, packed for edge_dot_narrow_3x2; no EDGE_TAIL_SUMS.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int conv2d_dsp_s4(const conv2d_dsp_s4_params *p, const int8_t *in, const uint32_t *weights,
                  int8_t *out, void *scratch);

#endif
