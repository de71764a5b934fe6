#include "depthwise_conv2d_s4.h"

#include "edge_nibbles.h"

int depthwise_conv2d_s4(const depthwise_conv2d_s4_params *p, const int8_t *in,
                        const int8_t *weights, const int32_t *bias, const int32_t *multipliers,
                        const int8_t *shifts, int8_t *out, void *scratch)
{
    if (!p || !weights || !scratch || p->kernel_height <= 0 || p->kernel_width <= 0 ||
        p->out_channels <= 0)
        return EDGE_BAD_ARG;
    edge_unpack_nibbles(weights, p->kernel_height * p->kernel_width * p->out_channels, scratch);
    return depthwise_conv2d_s8(p, in, scratch, bias, multipliers, shifts, out);
}
