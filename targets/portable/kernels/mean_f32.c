#include "mean_f32.h"

static float sum_of(const mean_f32_params *p, const float *in)
{
    float sum = 0;
    for (int32_t i = 0; i < p->reduced[0]; i++) {
        for (int32_t j = 0; j < p->reduced[1]; j++) {
            const float *row = in + i * p->reduced_strides[0] + j * p->reduced_strides[1];
            for (int32_t k = 0; k < p->reduced[2]; k++) {
                sum += row[k * p->reduced_strides[2]];
            }
        }
    }
    return sum;
}

int mean_f32(const mean_f32_params *p, const float *in, float *out)
{
    if (!p || !in || !out || p->count < 1) {
        return EDGE_BAD_ARG;
    }
    for (int32_t i = 0; i < p->kept[0]; i++) {
        for (int32_t j = 0; j < p->kept[1]; j++) {
            for (int32_t k = 0; k < p->kept[2]; k++) {
                const float *first = in + i * p->kept_strides[0] + j * p->kept_strides[1]
                    + k * p->kept_strides[2];
                *out++ = sum_of(p, first) / (float)p->count;
            }
        }
    }
    return EDGE_OK;
}
