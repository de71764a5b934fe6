#include "mul_s8.h"

#include "edge_dsp_bytes.h"

#define LARGEST (255 * 255) /* product of two codes less their zero points */

/* With any multiplier and shift. */
static void mul_row(const mul_s8_params *p, const int8_t *a, const int8_t *b, int8_t *out)
{
    for (int32_t n = 0; n < p->dims[3]; n++) {
        const int32_t product = (*a - p->a_zero_point) * (*b - p->b_zero_point);
        const int32_t scaled =
            edge_multiply_double_rounding(product, p->out_multiplier, p->out_shift);
        out[n] = (int8_t)edge_clamp(scaled + p->out_zero_point, p->low, p->high);
        a += p->a_strides[3];
        b += p->b_strides[3];
    }
}

/* With one upper product. */
static void mul_row_shortly(const mul_s8_params *p, const edge_short_scale *given,
                            const int8_t *a, const int8_t *b, int8_t *out)
{
    const edge_short_scale scale = *given; /* a copy, which no output can overwrite */
    const int32_t a_step = p->a_strides[3], b_step = p->b_strides[3];
    const int32_t a_zero_point = p->a_zero_point, b_zero_point = p->b_zero_point;
    const int8_t *const end = out + p->dims[3];
    for (int8_t *to = out; to != end; a += a_step, b += b_step) {
        const int32_t shifted = edge_shift_left(*a - a_zero_point, scale.left);
        *to++ = edge_scale_shortly(&scale, shifted * (*b - b_zero_point));
    }
    for (int8_t *to = out; (p->low > -128 || p->high < 127) && to != end; to++)
        *to = (int8_t)edge_clamp(*to, p->low, p->high);
}

int mul_s8(const mul_s8_params *p, const int8_t *a, const int8_t *b, int8_t *out)
{
    if (!p || !a || !b || !out || p->out_shift < -31 || p->out_shift > 31
        || !edge_is_s8(p->low) || !edge_is_s8(p->high) || p->low > p->high)
        return EDGE_BAD_ARG;
    const int is_short = edge_has_short_scale(p->out_multiplier, p->out_shift, LARGEST);
    edge_short_scale scale = {0, 0, 0, 0};
    if (is_short)
        scale = edge_make_short_scale(p->out_multiplier, p->out_shift, p->out_zero_point);
    for (int32_t i = 0; i < p->dims[0]; i++) {
        for (int32_t j = 0; j < p->dims[1]; j++) {
            for (int32_t k = 0; k < p->dims[2]; k++) {
                const int8_t *from_a =
                    a + i * p->a_strides[0] + j * p->a_strides[1] + k * p->a_strides[2];
                const int8_t *from_b =
                    b + i * p->b_strides[0] + j * p->b_strides[1] + k * p->b_strides[2];
                if (is_short)
                    mul_row_shortly(p, &scale, from_a, from_b, out);
                else
                    mul_row(p, from_a, from_b, out);
                out += p->dims[3];
            }
        }
    }
    return EDGE_OK;
}
