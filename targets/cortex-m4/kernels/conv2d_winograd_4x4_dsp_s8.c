#include "conv2d_winograd_4x4_dsp_s8.h"

#include "edge_dsp_winograd_4x4.h"

int conv2d_winograd_4x4_dsp_s8(const conv2d_winograd_4x4_dsp_s8_params *p, const int8_t *in,
                               const uint32_t *weights, const int32_t *scales, int8_t *out,
                               void *scratch)
{
    static const edge_winograd_scheme scheme = {4, 6, edge_winograd_input_4x4,
                                                edge_winograd_output_4x4};
    return edge_winograd_conv2d(p, &scheme, in, weights, (const edge_winograd_scale *)scales, out,
                                scratch);
}
