#include "quantize_s16.h"

#define EXACT_LIMIT 16777216.0f /* 2^24: beyond it every result saturates */

/* The nearest integer, halves away from zero; |x| <= 2^24, so that each step is exact. */
static int32_t round_half_away(float x)
{
    const int32_t whole = (int32_t)x;
    const float rest = x - (float)whole;
    return whole + (rest >= 0.5f) - (rest <= -0.5f);
}

int quantize_s16(const quantize_s16_params *p, const float *in, int16_t *out)
{
    if (!p || !in || !out || p->elements < 0 || !(p->scale > 0.0f)) {
        return EDGE_BAD_ARG;
    }
    for (int32_t n = 0; n < p->elements; n++) {
        const float quotient = in[n] / p->scale;
        const float bounded = quotient != quotient
            ? -EXACT_LIMIT
            : edge_clamp_f32(quotient, -EXACT_LIMIT, EXACT_LIMIT);
        out[n] = (int16_t)edge_clamp(round_half_away(bounded) + p->zero_point, -32768, 32767);
    }
    return EDGE_OK;
}
