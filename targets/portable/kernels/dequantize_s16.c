#include "dequantize_s16.h"

int dequantize_s16(const dequantize_s16_params *p, const int16_t *in, float *out)
{
    if (!p || !in || !out || p->elements < 0) {
        return EDGE_BAD_ARG;
    }
    for (int32_t n = 0; n < p->elements; n++) {
        out[n] = (float)(in[n] - p->zero_point) * p->scale;
    }
    return EDGE_OK;
}
