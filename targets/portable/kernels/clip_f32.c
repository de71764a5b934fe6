#include "clip_f32.h"

int clip_f32(const clip_f32_params *p, const float *in, float *out)
{
    if (!p || !in || !out || p->elements < 0 || !(p->low <= p->high)) {
        return EDGE_BAD_ARG;
    }
    for (int32_t n = 0; n < p->elements; n++) {
        out[n] = edge_clamp_f32(in[n], p->low, p->high);
    }
    return EDGE_OK;
}
