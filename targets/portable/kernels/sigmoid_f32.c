#include "sigmoid_f32.h"
#include "edge_math.h"

int sigmoid_f32(const sigmoid_f32_params *p, const float *in, float *out)
{
    if (!p || !in || !out || p->elements < 0) {
        return EDGE_BAD_ARG;
    }
    for (int32_t n = 0; n < p->elements; n++) {
        out[n] = 1.0f / (1.0f + edge_exp_f32(-in[n]));
    }
    return EDGE_OK;
}
