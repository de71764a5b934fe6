#include "fully_connected_s8.h"

#include "edge_dsp.h"

static int32_t add_products(const int8_t *in, const int8_t *weights, int32_t count, int32_t sum)
{
    for (; count >= 4; count -= 4, in += 4, weights += 4) {
        const uint32_t x = edge_load_word(in), w = edge_load_word(weights);
        sum = edge_smlad(edge_sxtb16(x), edge_sxtb16(w), sum);
        sum = edge_smlad(edge_sxtb16_odd(x), edge_sxtb16_odd(w), sum);
    }
    for (; count > 0; count--)
        sum += *in++ * *weights++;
    return sum;
}

static int is_valid(const fully_connected_s8_params *p)
{
    return p->rows > 0 && p->in_size > 0 && p->out_size > 0 && edge_is_s8(p->out_zero_point) &&
           edge_is_s8(p->out_min) && edge_is_s8(p->out_max) && p->out_min <= p->out_max;
}

int fully_connected_s8(const fully_connected_s8_params *p, const int8_t *in,
                       const int8_t *weights, const int32_t *bias, const uint64_t *multipliers,
                       const int8_t *shifts, int8_t *out)
{
    if (!p || !in || !weights || !bias || !multipliers || !shifts || !out || !is_valid(p))
        return EDGE_BAD_ARG;
    for (int32_t row = 0; row < p->rows; row++) {
        const int8_t *weight = weights;
        for (int32_t channel = 0; channel < p->out_size; channel++) {
            const int32_t scale = p->per_channel ? channel : 0;
            const int32_t sum = add_products(in, weight, p->in_size, bias[channel]);
            const int32_t scaled =
                edge_multiply_real(sum, multipliers[scale], shifts[scale]);
            out[channel] = (int8_t)edge_clamp(scaled + p->out_zero_point, p->out_min, p->out_max);
            weight += p->in_size;
        }
        in += p->in_size;
        out += p->out_size;
    }
    return EDGE_OK;
}
