#include "mul_short_s8.h"
#include "edge_scale.h"

static void mul_row(const mul_short_s8_params *p, const edge_scaling *layer, const int8_t *a,
                    const int8_t *b, int8_t *out)
{
    const edge_scaling scaling = *layer; /* a copy, which no output can overwrite */
    const edge_scale scale = edge_scale_of(layer, p->multiplier, p->shift, EDGE_LINEAR);
    const int32_t a_zero_point = p->a_zero_point, b_zero_point = p->b_zero_point;
    const int32_t a_step = p->a_strides[3], b_step = p->b_strides[3];
    for (const int8_t *end = out + p->dims[3]; out != end; a += a_step, b += b_step) {
        const int32_t product = (*a - a_zero_point) * (*b - b_zero_point);
        *out++ = edge_scaled(&scaling, &scale, product, EDGE_LINEAR);
    }
}

int mul_short_s8(const mul_short_s8_params *p, const int8_t *a, const int8_t *b, int8_t *out)
{
    if (!p || !a || !b || !out)
        return EDGE_BAD_ARG;
    const edge_scaling scaling = {p->out_zero_point, -128, 127, p->split, p->limit, 2};
    if (!edge_is_s8(p->a_zero_point) || !edge_is_s8(p->b_zero_point) ||
        !edge_is_scaling(&scaling, EDGE_LINEAR) || p->shift < 0 || p->shift > 31)
        return EDGE_BAD_ARG;
    for (int32_t i = 0; i < p->dims[0]; i++) {
        for (int32_t j = 0; j < p->dims[1]; j++) {
            for (int32_t k = 0; k < p->dims[2]; k++) {
                mul_row(p, &scaling,
                        a + i * p->a_strides[0] + j * p->a_strides[1] + k * p->a_strides[2],
                        b + i * p->b_strides[0] + j * p->b_strides[1] + k * p->b_strides[2], out);
                out += p->dims[3];
            }
        }
    }
    return EDGE_OK;
}
