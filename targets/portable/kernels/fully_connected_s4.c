#include "fully_connected_s4.h"

#include "edge_nibbles.h"

static int32_t add_products(const int8_t *in, const int8_t *weights, int32_t count, int32_t sum)
{
    for (int32_t i = 0; i < count; i++)
        sum += in[i] * weights[i];
    return sum;
}

static int is_valid(const fully_connected_s4_params *p)
{
    return p->rows > 0 && p->in_size > 0 && p->out_size > 0 && edge_is_s8(p->out_zero_point) &&
           edge_is_s8(p->out_min) && edge_is_s8(p->out_max) && p->out_min <= p->out_max;
}

int fully_connected_s4(const fully_connected_s4_params *p, const int8_t *in,
                       const int8_t *weights, const int32_t *bias, const uint64_t *multipliers,
                       const int8_t *shifts, int8_t *out, void *scratch)
{
    if (!p || !in || !weights || !bias || !multipliers || !shifts || !out || !scratch ||
        !is_valid(p))
        return EDGE_BAD_ARG;
    int8_t *unpacked = scratch;
    for (int32_t channel = 0; channel < p->out_size; channel++) {
        const int32_t scale = p->per_channel ? channel : 0;
        edge_unpack_nibbles(weights, p->in_size, unpacked);
        for (int32_t row = 0; row < p->rows; row++) {
            const int32_t sum =
                add_products(in + row * p->in_size, unpacked, p->in_size, bias[channel]);
            const int32_t scaled = edge_multiply_real(sum, multipliers[scale], shifts[scale]);
            out[row * p->out_size + channel] =
                (int8_t)edge_clamp(scaled + p->out_zero_point, p->out_min, p->out_max);
        }
        weights += (p->in_size + 1) / 2;
    }
    return EDGE_OK;
}
