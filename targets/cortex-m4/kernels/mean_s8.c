#include "mean_s8.h"

#include "edge_dsp_bytes.h"

static int32_t sum_of(const mean_s8_params *p, const int8_t *in)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < p->reduced[0]; i++) {
        for (int32_t j = 0; j < p->reduced[1]; j++) {
            const int8_t *row = in + i * p->reduced_strides[0] + j * p->reduced_strides[1];
            for (int32_t k = 0; k < p->reduced[2]; k++)
                sum += row[k * p->reduced_strides[2]];
        }
    }
    return sum;
}

/* The sums of 4 elements that lie side by side. */
static void sum_four(const mean_s8_params *p, const int8_t *in, int32_t sums[4])
{
    sums[0] = sums[1] = sums[2] = sums[3] = 0;
    for (int32_t i = 0; i < p->reduced[0]; i++)
        for (int32_t j = 0; j < p->reduced[1]; j++)
            edge_add_pixels(in + i * p->reduced_strides[0] + j * p->reduced_strides[1],
                            p->reduced[2], p->reduced_strides[2], sums);
}

static int8_t finish(const mean_s8_params *p, int32_t sum)
{
    const int32_t centred = sum - p->count * p->in_zero_point;
    const int32_t scaled = edge_multiply_double_rounding(centred, p->multiplier, p->shift);
    return (int8_t)edge_clamp(scaled + p->out_zero_point, -128, 127);
}

static int8_t *mean_row(const mean_s8_params *p, const int8_t *in, int8_t *out)
{
    int32_t left = p->kept[2];
    for (; p->kept_strides[2] == 1 && left >= 4; left -= 4, in += 4) {
        int32_t sums[4];
        sum_four(p, in, sums);
        for (int32_t i = 0; i < 4; i++)
            *out++ = finish(p, sums[i]);
    }
    for (; left > 0; left--, in += p->kept_strides[2])
        *out++ = finish(p, sum_of(p, in));
    return out;
}

int mean_s8(const mean_s8_params *p, const int8_t *in, int8_t *out)
{
    if (!p || !in || !out || p->count < 1 || p->shift < -31 || p->shift > 31)
        return EDGE_BAD_ARG;
    for (int32_t i = 0; i < p->kept[0]; i++)
        for (int32_t j = 0; j < p->kept[1]; j++)
            out = mean_row(p, in + i * p->kept_strides[0] + j * p->kept_strides[1], out);
    return EDGE_OK;
}
