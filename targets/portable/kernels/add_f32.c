#include "add_f32.h"

static void add_row(const add_f32_params *p, const float *a, const float *b, float *out)
{
    for (int32_t n = 0; n < p->dims[3]; n++) {
        out[n] = edge_clamp_f32(*a + p->b_sign * *b, p->low, p->high);
        a += p->a_strides[3];
        b += p->b_strides[3];
    }
}

int add_f32(const add_f32_params *p, const float *a, const float *b, float *out)
{
    if (!p || !a || !b || !out || !(p->low <= p->high)) {
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
