#include "hard_swish_f32.h"

int hard_swish_f32(const hard_swish_f32_params *p, const float *in, float *out)
{
    if (!p || !in || !out || p->elements < 0) {
        return EDGE_BAD_ARG;
    }
    for (int32_t n = 0; n < p->elements; n++) {
        out[n] = in[n] * edge_clamp_f32(in[n] + 3.0f, 0.0f, 6.0f) / 6.0f;
    }
    return EDGE_OK;
}
