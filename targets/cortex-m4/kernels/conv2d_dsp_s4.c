#include "conv2d_dsp_s4.h"

#include "edge_dsp_dot_narrow.h"

int conv2d_dsp_s4(const conv2d_dsp_s4_params *p, const int8_t *in, const uint32_t *weights,
                  int8_t *out, void *scratch)
{
    if (!p || p->tail == EDGE_TAIL_SUMS)
        return EDGE_BAD_ARG;
    return edge_dsp_conv2d(p, in, weights, out, scratch, edge_dot_narrow_3x2);
}
