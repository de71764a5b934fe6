/* CMSIS-NN's int8 layers in the plainest way: slow, short and bit-exact. */
#include "arm_nnfunctions.h"

static int32_t requantized(int32_t value, int32_t multiplier, int32_t shift)
{
    int32_t left = shift > 0 ? shift : 0, right = shift > 0 ? 0 : -shift;
    int32_t high = (int32_t)(((int64_t)(value * (1 << left)) * multiplier + (1 << 30)) >> 31);
    int32_t mask = (int32_t)((1u << right) - 1u), rest = high & mask;
    return (high >> right) + (rest > (mask >> 1) + (high < 0));
}

static int8_t clamped(int32_t value, cmsis_nn_activation bounds)
{
    return (int8_t)(value < bounds.min ? bounds.min : value > bounds.max ? bounds.max : value);
}

static int8_t window(const cmsis_nn_conv_params *p, const cmsis_nn_dims *in_dims,
    const int8_t *in, int32_t first, int32_t depth, const cmsis_nn_dims *filter_dims,
    const int8_t *filter, int32_t tap, int32_t y, int32_t x, int32_t sum, int32_t multiplier,
    int32_t shift)
{
    for (int32_t i = 0; i < filter_dims->h; i++)
        for (int32_t j = 0; j < filter_dims->w; j++) {
            int32_t row = y * p->stride.h - p->padding.h + i * p->dilation.h;
            int32_t column = x * p->stride.w - p->padding.w + j * p->dilation.w;
            if (row < 0 || row >= in_dims->h || column < 0 || column >= in_dims->w)
                continue;
            for (int32_t c = 0; c < depth; c++)
                sum += (in[(row * in_dims->w + column) * in_dims->c + first + c] + p->input_offset)
                     * filter[(i * filter_dims->w + j) * tap + c];
        }
    return clamped(requantized(sum, multiplier, shift) + p->output_offset, p->activation);
}

arm_cmsis_nn_status arm_convolve_wrapper_s8(
    const cmsis_nn_context *context, const cmsis_nn_conv_params *p,
    const cmsis_nn_per_channel_quant_params *q, const cmsis_nn_dims *in_dims, const int8_t *in,
    const cmsis_nn_dims *filter_dims, const int8_t *filter, const cmsis_nn_dims *bias_dims,
    const int32_t *bias, const cmsis_nn_dims *out_dims, int8_t *out)
{
    (void)context, (void)bias_dims;
    int32_t depth = filter_dims->c, size = filter_dims->h * filter_dims->w * depth;
    for (int32_t y = 0; y < out_dims->h; y++)
        for (int32_t x = 0; x < out_dims->w; x++)
            for (int32_t o = 0; o < out_dims->c; o++)
                *out++ = window(p, in_dims, in, 0, depth, filter_dims, filter + o * size, depth,
                    y, x, bias[o], q->multiplier[o], q->shift[o]);
    return ARM_CMSIS_NN_SUCCESS;
}

arm_cmsis_nn_status arm_depthwise_conv_wrapper_s8(
    const cmsis_nn_context *context, const cmsis_nn_dw_conv_params *p,
    const cmsis_nn_per_channel_quant_params *q, const cmsis_nn_dims *in_dims, const int8_t *in,
    const cmsis_nn_dims *filter_dims, const int8_t *filter, const cmsis_nn_dims *bias_dims,
    const int32_t *bias, const cmsis_nn_dims *out_dims, int8_t *out)
{
    (void)context, (void)bias_dims;
    cmsis_nn_conv_params conv = {p->input_offset, p->output_offset, p->stride, p->padding,
        p->dilation, p->activation};
    for (int32_t y = 0; y < out_dims->h; y++)
        for (int32_t x = 0; x < out_dims->w; x++)
            for (int32_t o = 0; o < out_dims->c; o++)
                *out++ = window(&conv, in_dims, in, o / p->ch_mult, 1, filter_dims, filter + o,
                    out_dims->c, y, x, bias[o], q->multiplier[o], q->shift[o]);
    return ARM_CMSIS_NN_SUCCESS;
}

arm_cmsis_nn_status arm_fully_connected_s8(
    const cmsis_nn_context *context, const cmsis_nn_fc_params *p,
    const cmsis_nn_per_tensor_quant_params *q, const cmsis_nn_dims *in_dims, const int8_t *in,
    const cmsis_nn_dims *filter_dims, const int8_t *filter, const cmsis_nn_dims *bias_dims,
    const int32_t *bias, const cmsis_nn_dims *out_dims, int8_t *out)
{
    (void)context, (void)bias_dims, (void)in_dims;
    for (int32_t o = 0; o < out_dims->c; o++) {
        int32_t sum = bias[o];
        for (int32_t k = 0; k < filter_dims->n; k++)
            sum += (in[k] + p->input_offset) * filter[o * filter_dims->n + k];
        out[o] = clamped(requantized(sum, q->multiplier, q->shift) + p->output_offset,
            p->activation);
    }
    return ARM_CMSIS_NN_SUCCESS;
}

arm_cmsis_nn_status arm_avgpool_s8(
    const cmsis_nn_context *context, const cmsis_nn_pool_params *p, const cmsis_nn_dims *in_dims,
    const int8_t *in, const cmsis_nn_dims *filter_dims, const cmsis_nn_dims *out_dims,
    int8_t *out)
{
    (void)context;
    for (int32_t y = 0; y < out_dims->h; y++)
        for (int32_t x = 0; x < out_dims->w; x++)
            for (int32_t c = 0; c < in_dims->c; c++) {
                int32_t sum = 0, count = 0;
                for (int32_t i = 0; i < filter_dims->h; i++)
                    for (int32_t j = 0; j < filter_dims->w; j++) {
                        int32_t row = y * p->stride.h - p->padding.h + i;
                        int32_t column = x * p->stride.w - p->padding.w + j;
                        if (row < 0 || row >= in_dims->h || column < 0 || column >= in_dims->w)
                            continue;
                        sum += in[(row * in_dims->w + column) * in_dims->c + c];
                        count++;
                    }
                sum = (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
                *out++ = clamped(sum, p->activation);
            }
    return ARM_CMSIS_NN_SUCCESS;
}

arm_cmsis_nn_status arm_elementwise_add_s8(
    const int8_t *a, const int8_t *b, int32_t a_offset, int32_t a_multiplier, int32_t a_shift,
    int32_t b_offset, int32_t b_multiplier, int32_t b_shift, int32_t left_shift, int8_t *out,
    int32_t out_offset, int32_t out_multiplier, int32_t out_shift, int32_t low, int32_t high,
    int32_t elements)
{
    cmsis_nn_activation bounds = {low, high};
    for (int32_t i = 0; i < elements; i++) {
        int32_t one = requantized((a[i] + a_offset) * (1 << left_shift), a_multiplier, a_shift);
        int32_t two = requantized((b[i] + b_offset) * (1 << left_shift), b_multiplier, b_shift);
        out[i] = clamped(requantized(one + two, out_multiplier, out_shift) + out_offset, bounds);
    }
    return ARM_CMSIS_NN_SUCCESS;
}
