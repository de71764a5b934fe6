#include "add_line_s8.h"

static void add_row(const add_line_s8_params *p, const int8_t *a, const int8_t *b, int8_t *out)
{
    const int32_t a_factor = p->a_factor, b_factor = p->b_factor, offset = p->offset;
    const int32_t a_step = p->a_strides[3], b_step = p->b_strides[3];
    const int32_t shift = p->shift, low = p->low, high = p->high;
    for (const int8_t *end = out + p->dims[3]; out != end; a += a_step, b += b_step)
        *out++ = (int8_t)edge_clamp((*a * a_factor + offset + *b * b_factor) >> shift, low, high);
}

static int is_valid(const add_line_s8_params *p)
{
    return p->shift >= 0 && p->shift <= 31 && edge_is_s8(p->low) && edge_is_s8(p->high)
        && p->low <= p->high;
}

int add_line_s8(const add_line_s8_params *p, const int8_t *a, const int8_t *b, int8_t *out)
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
