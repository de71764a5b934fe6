#include "mean_s16.h"

static int32_t sum_of(const mean_s16_params *p, const int16_t *in)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < p->reduced[0]; i++) {
        for (int32_t j = 0; j < p->reduced[1]; j++) {
            const int16_t *row = in + i * p->reduced_strides[0] + j * p->reduced_strides[1];
            for (int32_t k = 0; k < p->reduced[2]; k++) {
                sum += row[k * p->reduced_strides[2]];
            }
        }
    }
    return sum;
}

int mean_s16(const mean_s16_params *p, const int16_t *in, int16_t *out)
{
    if (!p || !in || !out || p->count < 1 || p->shift < -31 || p->shift > 31) {
        return EDGE_BAD_ARG;
    }
    for (int32_t i = 0; i < p->kept[0]; i++) {
        for (int32_t j = 0; j < p->kept[1]; j++) {
            for (int32_t k = 0; k < p->kept[2]; k++) {
                const int16_t *first = in + i * p->kept_strides[0] + j * p->kept_strides[1]
                    + k * p->kept_strides[2];
                const int32_t centred = sum_of(p, first) - p->count * p->in_zero_point;
                const int32_t scaled =
                    edge_multiply_double_rounding(centred, p->multiplier, p->shift);
                *out++ = (int16_t)edge_clamp(scaled + p->out_zero_point, -32768, 32767);
            }
        }
    }
    return EDGE_OK;
}
