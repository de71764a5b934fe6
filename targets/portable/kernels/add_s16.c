#include "add_s16.h"

#define HEADROOM_BITS 15

static int32_t rescaled(int32_t x, int32_t zero_point, int32_t multiplier, int32_t shift)
{
    return edge_multiply_double_rounding(
        edge_shift_left(x - zero_point, HEADROOM_BITS), multiplier, shift);
}

static void add_row(const add_s16_params *p, const int16_t *a, const int16_t *b, int16_t *out)
{
    for (int32_t n = 0; n < p->dims[3]; n++) {
        const int32_t left = rescaled(*a, p->a_zero_point, p->a_multiplier, p->a_shift);
        const int32_t right = rescaled(*b, p->b_zero_point, p->b_multiplier, p->b_shift);
        const int32_t sum = edge_multiply_double_rounding(
            left + p->b_sign * right, p->out_multiplier, p->out_shift);
        out[n] = (int16_t)edge_clamp(sum + p->out_zero_point, p->low, p->high);
        a += p->a_strides[3];
        b += p->b_strides[3];
    }
}

static int is_valid(const add_s16_params *p)
{
    const int signs = p->b_sign == 1 || p->b_sign == -1;
    const int shifts = p->a_shift >= -31 && p->a_shift <= 0 && p->b_shift >= -31
        && p->b_shift <= 0 && p->out_shift >= -31 && p->out_shift <= 31;
    return signs && shifts && edge_is_s16(p->low) && edge_is_s16(p->high) && p->low <= p->high;
}

int add_s16(const add_s16_params *p, const int16_t *a, const int16_t *b, int16_t *out)
{
    if (!p || !a || !b || !out || !is_valid(p)) {
        return EDGE_BAD_ARG;
    }
    for (int32_t i = 0; i < p->dims[0]; i++) {
        for (int32_t j = 0; j < p->dims[1]; j++) {
            for (int32_t k = 0; k < p->dims[2]; k++) {
                add_row(p, a + i * p->a_strides[0] + j * p->a_strides[1] + k * p->a_strides[2],
                    b + i * p->b_strides[0] + j * p->b_strides[1] + k * p->b_strides[2], out);
                out += p->dims[3];
            }
        }
    }
    return EDGE_OK;
}
