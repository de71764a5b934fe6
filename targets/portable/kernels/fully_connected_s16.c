#include "fully_connected_s16.h"

static int32_t add_products(const int16_t *in, const int8_t *weights, int32_t count, int32_t sum)
{
    for (int32_t i = 0; i < count; i++)
        sum += in[i] * weights[i];
    return sum;
}

static int is_valid(const fully_connected_s16_params *p)
{
    return p->rows > 0 && p->in_size > 0 && p->out_size > 0 && p->out_zero_point == 0 &&
           edge_is_s16(p->out_min) && edge_is_s16(p->out_max) && p->out_min <= p->out_max;
}

int fully_connected_s16(const fully_connected_s16_params *p, const int16_t *in,
                        const int8_t *weights, const int32_t *bias, const uint64_t *multipliers,
                        const int8_t *shifts, int16_t *out)
{
    if (!p || !in || !weights || !bias || !multipliers || !shifts || !out || !is_valid(p))
        return EDGE_BAD_ARG;
    for (int32_t row = 0; row < p->rows; row++) {
        const int8_t *weight = weights;
        for (int32_t channel = 0; channel < p->out_size; channel++) {
            const int32_t scale = p->per_channel ? channel : 0;
            const int32_t sum = add_products(in, weight, p->in_size, bias[channel]);
            const int32_t scaled = edge_multiply_real(sum, multipliers[scale], shifts[scale]);
            out[channel] = (int16_t)edge_clamp(scaled, p->out_min, p->out_max);
            weight += p->in_size;
        }
        in += p->in_size;
        out += p->out_size;
    }
    return EDGE_OK;
}
