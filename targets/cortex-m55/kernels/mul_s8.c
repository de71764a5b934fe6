#include "mul_s8.h"

#include "edge_mve_scale.h"

/* A row, 4 elements at once. An operand that repeats is read anew each time. */
static void mul_row(const mul_s8_params *p, const int8_t *a, const int8_t *b, int8_t *out)
{
    const uint32x4_t lanes = vidupq_n_u32(0, 1);
    const uint32x4_t a_offsets = vmulq_n_u32(lanes, (uint32_t)p->a_strides[3]);
    const uint32x4_t b_offsets = vmulq_n_u32(lanes, (uint32_t)p->b_strides[3]);
    const int32x4_t multiplier = vdupq_n_s32(p->out_multiplier), shift = vdupq_n_s32(p->out_shift);
    for (int32_t left = p->dims[3]; left > 0; left -= EDGE_LANES, out += EDGE_LANES) {
        const mve_pred16_t some = vctp32q((uint32_t)left);
        const int32x4_t x = vldrbq_gather_offset_z_s32(a, a_offsets, some);
        const int32x4_t y = vldrbq_gather_offset_z_s32(b, b_offsets, some);
        const int32x4_t product =
            vmulq_s32(vsubq_n_s32(x, p->a_zero_point), vsubq_n_s32(y, p->b_zero_point));
        const int32x4_t scaled = edge_scale(product, multiplier, shift, EDGE_TAIL_ANY);
        vstrbq_p_s32(out, edge_finish(scaled, p->out_zero_point, p->low, p->high), some);
        a += EDGE_LANES * p->a_strides[3];
        b += EDGE_LANES * p->b_strides[3];
    }
}

int mul_s8(const mul_s8_params *p, const int8_t *a, const int8_t *b, int8_t *out)
{
    if (!p || !a || !b || !out || p->out_shift < -31 || p->out_shift > 31 ||
        !edge_is_s8(p->low) || !edge_is_s8(p->high) || p->low > p->high)
        return EDGE_BAD_ARG;
    for (int32_t i = 0; i < p->dims[0]; i++) {
        for (int32_t j = 0; j < p->dims[1]; j++) {
            for (int32_t k = 0; k < p->dims[2]; k++) {
                mul_row(p, a + i * p->a_strides[0] + j * p->a_strides[1] + k * p->a_strides[2],
                        b + i * p->b_strides[0] + j * p->b_strides[1] + k * p->b_strides[2], out);
                out += p->dims[3];
            }
        }
    }
    return EDGE_OK;
}
