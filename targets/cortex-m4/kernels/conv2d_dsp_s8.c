#include "conv2d_dsp_s8.h"

int conv2d_dsp_s8(const conv2d_dsp_s8_params *p, const int8_t *in, const uint32_t *weights,
                  int8_t *out, void *scratch)
{
    return edge_dsp_conv2d(p, in, weights, out, scratch, edge_dot_3x2);
}
