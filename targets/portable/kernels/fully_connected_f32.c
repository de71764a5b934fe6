#include "fully_connected_f32.h"

static float add_products(const float *in, const float *weights, int32_t count, float sum)
{
    for (int32_t i = 0; i < count; i++)
        sum += in[i] * weights[i];
    return sum;
}

static int is_valid(const fully_connected_f32_params *p)
{
    return p->rows > 0 && p->in_size > 0 && p->out_size > 0 && p->out_min <= p->out_max;
}

int fully_connected_f32(const fully_connected_f32_params *p, const float *in,
                        const float *weights, const float *bias, float *out)
{
    if (!p || !in || !weights || !out || !is_valid(p))
        return EDGE_BAD_ARG;
    for (int32_t row = 0; row < p->rows; row++) {
        const float *weight = weights;
        for (int32_t channel = 0; channel < p->out_size; channel++) {
            const float start = bias ? bias[channel] : 0.0f;
            const float sum = add_products(in, weight, p->in_size, start);
            out[channel] = edge_clamp_f32(sum, p->out_min, p->out_max);
            weight += p->in_size;
        }
        in += p->in_size;
        out += p->out_size;
    }
    return EDGE_OK;
}
