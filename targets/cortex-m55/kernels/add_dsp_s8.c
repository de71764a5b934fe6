#include "add_dsp_s8.h"

#include <arm_mve.h>

#define LANES 4
#define HALF_BITS 19 /* operands times 2^20, times one half */
#define HEADROOM_BITS 20

static int is_valid(const add_dsp_s8_params *p)
{
    return p->count > 0 && edge_is_s8(p->a_zero_point) && edge_is_s8(p->b_zero_point) &&
           edge_is_s8(p->out_zero_point) && p->b_multiplier >= 0 && p->out_multiplier >= 0 &&
           p->b_shift >= 0 && p->b_shift <= 31 && p->out_shift >= 1 && p->out_shift <= 21 &&
           edge_is_s8(p->low) && edge_is_s8(p->high) && p->low <= p->high;
}

/* x / 2^shift, halves away from zero; sign: -1, or 0 where shift is 0. */
static inline int32x4_t divide(int32x4_t x, int32_t shift, int32_t sign)
{
    const int32x4_t negative = vandq_s32(vshrq_n_s32(x, 31), vdupq_n_s32(sign));
    return vrshlq_n_s32(vaddq_s32(x, negative), -shift);
}

static inline int32x4_t add(const add_dsp_s8_params *p, int32x4_t a, int32x4_t b, int32_t b_sign)
{
    const int32x4_t left = vshlq_n_s32(vsubq_n_s32(a, p->a_zero_point), HALF_BITS);
    const int32x4_t wide = vshlq_n_s32(vsubq_n_s32(b, p->b_zero_point), HEADROOM_BITS);
    const int32x4_t right = divide(vqrdmulhq_n_s32(wide, p->b_multiplier), p->b_shift, b_sign);
    const int32x4_t scaled = vqrdmulhq_n_s32(vaddq_s32(left, right), p->out_multiplier);
    const int32x4_t sum = vaddq_n_s32(divide(scaled, p->out_shift, -1), p->out_zero_point);
    return vminq_s32(vmaxq_s32(sum, vdupq_n_s32(p->low)), vdupq_n_s32(p->high));
}

int add_dsp_s8(const add_dsp_s8_params *p, const int8_t *a, const int8_t *b, int8_t *out)
{
    if (!p || !a || !b || !out || !is_valid(p))
        return EDGE_BAD_ARG;
    const add_dsp_s8_params kept = *p;
    const int32_t b_sign = p->b_shift > 0 ? -1 : 0;
    for (int32_t left = kept.count; left > 0; left -= LANES) {
        const mve_pred16_t lanes = vctp32q((uint32_t)left);
        const int32x4_t x = vldrbq_z_s32(a, lanes), y = vldrbq_z_s32(b, lanes);
        vstrbq_p_s32(out, add(&kept, x, y, b_sign), lanes);
        a += LANES;
        b += LANES;
        out += LANES;
    }
    return EDGE_OK;
}
