#include "conv2d_winograd_2x2_dsp_s8.h"

#include "edge_dsp_winograd_2x2.h"

int conv2d_winograd_2x2_dsp_s8(const conv2d_winograd_2x2_dsp_s8_params *p, const int8_t *in,
                               const int8_t *weights, const int32_t *scales, int8_t *out,
                               void *scratch)
{
    static const edge_winograd_scheme scheme = {2, 4, edge_winograd_input_2x2,
                                                edge_winograd_output_2x2};
    uint32_t *transformed = scratch;
    if (!p || !weights || !scratch || p->in_channels <= 0 || p->out_channels <= 0 ||
        p->in_channels % 4 != 0 || p->out_channels % 2 != 0)
        return EDGE_BAD_ARG;
    edge_winograd_weights_2x2(weights, transformed, p->in_channels, p->out_channels);
    return edge_winograd_conv2d(p, &scheme, in, transformed, (const edge_winograd_scale *)scales,
                                out, transformed + 8 * p->out_channels * (2 + p->in_channels));
}
