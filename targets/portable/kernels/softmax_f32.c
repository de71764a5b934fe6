#include "softmax_f32.h"
#include "edge_math.h"

static void softmax_row(const softmax_f32_params *p, const float *in, float *out)
{
    float maximum = in[0];
    for (int32_t n = 1; n < p->depth; n++) {
        maximum = in[n] > maximum ? in[n] : maximum;
    }
    float sum = 0.0f;
    for (int32_t n = 0; n < p->depth; n++) {
        out[n] = edge_exp_f32((in[n] - maximum) * p->beta);
        sum += out[n];
    }
    for (int32_t n = 0; n < p->depth; n++) {
        out[n] /= sum;
    }
}

int softmax_f32(const softmax_f32_params *p, const float *in, float *out)
{
    if (!p || !in || !out || p->rows < 0 || p->depth < 1) {
        return EDGE_BAD_ARG;
    }
    for (int32_t row = 0; row < p->rows; row++) {
        softmax_row(p, in + row * p->depth, out + row * p->depth);
    }
    return EDGE_OK;
}
