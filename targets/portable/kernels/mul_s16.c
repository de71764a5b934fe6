#include "mul_s16.h"

static void mul_row(const mul_s16_params *p, const int16_t *a, const int16_t *b, int16_t *out)
{
    for (int32_t n = 0; n < p->dims[3]; n++) {
        const int32_t product = (*a - p->a_zero_point) * (*b - p->b_zero_point);
        const int32_t scaled =
            edge_multiply_double_rounding(product, p->out_multiplier, p->out_shift);
        out[n] = (int16_t)edge_clamp(scaled + p->out_zero_point, p->low, p->high);
        a += p->a_strides[3];
        b += p->b_strides[3];
    }
}

int mul_s16(const mul_s16_params *p, const int16_t *a, const int16_t *b, int16_t *out)
{
    if (!p || !a || !b || !out || p->out_shift < -31 || p->out_shift > 31
        || !edge_is_s16(p->low) || !edge_is_s16(p->high) || p->low > p->high) {
        return EDGE_BAD_ARG;
    }
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
