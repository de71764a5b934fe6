#include "mean_s8.h"

#include "edge_mve_scale.h"
#include "edge_mve_sum.h"

/* Sums of 8 elements that follow each other, over the reduced axes. */
static edge_sums sum_of(const mean_s8_params *p, const int8_t *in, mve_pred16_t some)
{
    const int32_t start = -p->count * p->in_zero_point;
    edge_sums sums = {vdupq_n_s32(start), vdupq_n_s32(start)};
    for (int32_t i = 0; i < p->reduced[0]; i++) {
        for (int32_t j = 0; j < p->reduced[1]; j++)
            sums = edge_add_pixels(sums, in + i * p->reduced_strides[0] +
                                   j * p->reduced_strides[1], p->reduced[2],
                                   p->reduced_strides[2], some);
    }
    return sums;
}

static int32x4_t mean_of(const mean_s8_params *p, int32x4_t sums)
{
    const int32x4_t multiplier = vdupq_n_s32(p->multiplier), shift = vdupq_n_s32(p->shift);
    return edge_finish(edge_scale(sums, multiplier, shift, EDGE_TAIL_ANY), p->out_zero_point,
                       INT8_MIN, INT8_MAX);
}

/* A row of the output whose elements follow each other in the input too. */
static void mean_row(const mean_s8_params *p, const int8_t *in, int8_t *out)
{
    for (int32_t done = 0; done < p->kept[2]; done += EDGE_SUMMED) {
        const mve_pred16_t some = vctp16q((uint32_t)(p->kept[2] - done));
        edge_sums sums = sum_of(p, in + done, some);
        sums.even = mean_of(p, sums.even);
        sums.odd = mean_of(p, sums.odd);
        edge_store_sums(out + done, sums, some);
    }
}

/* Any other row, element by element. */
static void mean_elements(const mean_s8_params *p, const int8_t *in, int8_t *out)
{
    for (int32_t k = 0; k < p->kept[2]; k++, in += p->kept_strides[2]) {
        edge_sums sums = sum_of(p, in, vctp16q(1));
        sums.even = mean_of(p, sums.even);
        edge_store_sums(out + k, sums, vctp16q(1));
    }
}

int mean_s8(const mean_s8_params *p, const int8_t *in, int8_t *out)
{
    if (!p || !in || !out || p->count < 1 || p->shift < -31 || p->shift > 31)
        return EDGE_BAD_ARG;
    const int32_t follows = p->kept_strides[2] == 1 || p->kept[2] == 1;
    for (int32_t i = 0; i < p->kept[0]; i++) {
        for (int32_t j = 0; j < p->kept[1]; j++, out += p->kept[2]) {
            const int8_t *row = in + i * p->kept_strides[0] + j * p->kept_strides[1];
            if (follows)
                mean_row(p, row, out);
            else
                mean_elements(p, row, out);
        }
    }
    return EDGE_OK;
}
