#include "requantize_s16.h"

int requantize_s16(const requantize_s16_params *p, const int16_t *in, int16_t *out)
{
    if (!p || !in || !out || p->elements < 0 || p->shift < -31 || p->shift > 31
        || !edge_is_s16(p->low) || !edge_is_s16(p->high) || p->low > p->high) {
        return EDGE_BAD_ARG;
    }
    for (int32_t n = 0; n < p->elements; n++) {
        const int32_t scaled =
            edge_multiply_double_rounding(in[n] - p->in_zero_point, p->multiplier, p->shift);
        out[n] = (int16_t)edge_clamp(scaled + p->out_zero_point, p->low, p->high);
    }
    return EDGE_OK;
}
