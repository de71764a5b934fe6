#include "leaky_relu_f32.h"

int leaky_relu_f32(const leaky_relu_f32_params *p, const float *in, float *out)
{
    if (!p || !in || !out || p->elements < 0) {
        return EDGE_BAD_ARG;
    }
    for (int32_t n = 0; n < p->elements; n++) {
        out[n] = in[n] > 0.0f ? in[n] : in[n] * p->alpha;
    }
    return EDGE_OK;
}
