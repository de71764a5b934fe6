#include "tanh_f32.h"
#include "edge_math.h"

int tanh_f32(const tanh_f32_params *p, const float *in, float *out)
{
    if (!p || !in || !out || p->elements < 0) {
        return EDGE_BAD_ARG;
    }
    for (int32_t n = 0; n < p->elements; n++) {
        out[n] = edge_tanh_f32(in[n]);
    }
    return EDGE_OK;
}
