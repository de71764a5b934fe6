#include "requantize_s8.h"

#include "edge_mve_scale.h"

int requantize_s8(const requantize_s8_params *p, const int8_t *in, int8_t *out)
{
    if (!p || !in || !out || p->elements < 0 || p->shift < -31 || p->shift > 31 ||
        !edge_is_s8(p->low) || !edge_is_s8(p->high) || p->low > p->high)
        return EDGE_BAD_ARG;
    const int32x4_t multiplier = vdupq_n_s32(p->multiplier), shift = vdupq_n_s32(p->shift);
    for (int32_t left = p->elements; left > 0; left -= EDGE_LANES) {
        const mve_pred16_t some = vctp32q((uint32_t)left);
        const int32x4_t centred = vsubq_n_s32(vldrbq_z_s32(in, some), p->in_zero_point);
        const int32x4_t scaled = edge_scale(centred, multiplier, shift, EDGE_TAIL_ANY);
        vstrbq_p_s32(out, edge_finish(scaled, p->out_zero_point, p->low, p->high), some);
        in += EDGE_LANES;
        out += EDGE_LANES;
    }
    return EDGE_OK;
}
