#include "depthwise_conv2d_f32.h"

/* The window of one output channel whose first tap is at (y, x); taps outside hold 0.
 * in, weights: at their channel. */
static float sum_window(const depthwise_conv2d_f32_params *p, const float *in,
                        const float *weights, int32_t y, int32_t x)
{
    const int32_t row_weights = p->kernel_width * p->out_channels;
    float sum = 0.0f;
    for (int32_t tap_y = 0; tap_y < p->kernel_height; tap_y++, y += p->dilation_height) {
        const float *weight = weights + tap_y * row_weights;
        if (y < 0 || y >= p->in_height)
            continue;
        const float *row = in + y * p->in_width * p->in_channels;
        int32_t column = x;
        for (int32_t tap_x = 0; tap_x < p->kernel_width; tap_x++) {
            if (column >= 0 && column < p->in_width)
                sum += row[column * p->in_channels] * *weight;
            weight += p->out_channels;
            column += p->dilation_width;
        }
    }
    return sum;
}

/* All output channels of the pixel whose window starts at (y, x). */
static void compute_pixel(const depthwise_conv2d_f32_params *p, const float *in,
                          const float *weights, const float *bias, float *out, int32_t y,
                          int32_t x)
{
    const int32_t outputs_per_input = p->out_channels / p->in_channels;
    int32_t left = outputs_per_input;
    for (int32_t channel = 0; channel < p->out_channels; channel++) {
        const float start = bias ? bias[channel] : 0.0f;
        const float sum = start + sum_window(p, in, weights + channel, y, x);
        out[channel] = edge_clamp_f32(sum, p->out_min, p->out_max);
        if (--left == 0) {
            left = outputs_per_input;
            in++;
        }
    }
}

static int is_valid(const depthwise_conv2d_f32_params *p)
{
    return p->in_height > 0 && p->in_width > 0 && p->in_channels > 0 && p->out_height > 0 &&
           p->out_width > 0 && p->out_channels > 0 && p->out_channels % p->in_channels == 0 &&
           p->kernel_height > 0 && p->kernel_width > 0 && p->stride_height > 0 &&
           p->stride_width > 0 && p->dilation_height > 0 && p->dilation_width > 0 &&
           p->pad_top >= 0 && p->pad_left >= 0 && p->out_min <= p->out_max;
}

int depthwise_conv2d_f32(const depthwise_conv2d_f32_params *p, const float *in,
                         const float *weights, const float *bias, float *out)
{
    if (!p || !in || !weights || !out || !is_valid(p))
        return EDGE_BAD_ARG;
    int32_t y = -p->pad_top;
    for (int32_t out_y = 0; out_y < p->out_height; out_y++) {
        int32_t x = -p->pad_left;
        for (int32_t out_x = 0; out_x < p->out_width; out_x++) {
            compute_pixel(p, in, weights, bias, out, y, x);
            out += p->out_channels;
            x += p->stride_width;
        }
        y += p->stride_height;
    }
    return EDGE_OK;
}
