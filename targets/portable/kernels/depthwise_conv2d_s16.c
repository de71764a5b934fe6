#include "depthwise_conv2d_s16.h"

#include "edge_wide.h"

/* The window of one output channel whose first tap is at (y, x); what lies outside the image
 * is 0.   in: the input channel. */
static int64_t sum_window(const depthwise_conv2d_s16_params *p, const int16_t *in,
                          const int8_t *weights, int32_t y, int32_t x)
{
    int64_t sum = 0;
    for (int32_t row = 0; row < p->kernel_height; row++, y += p->dilation_height) {
        int32_t tap_x = x;
        for (int32_t column = 0; column < p->kernel_width; column++) {
            if (y >= 0 && y < p->in_height && tap_x >= 0 && tap_x < p->in_width)
                sum += in[(y * p->in_width + tap_x) * p->in_channels] * *weights;
            weights += p->out_channels;
            tap_x += p->dilation_width;
        }
    }
    return sum;
}

/* All output channels of the pixel whose window starts at (y, x). */
static void compute_pixel(const depthwise_conv2d_s16_params *p, const int16_t *in,
                          const int8_t *weights, const int32_t *bias, const int16_t *multipliers,
                          const int8_t *shifts, int16_t *out, int32_t y, int32_t x)
{
    const int32_t outputs_per_input = p->out_channels / p->in_channels;
    int32_t left = outputs_per_input;
    for (int32_t channel = 0; channel < p->out_channels; channel++) {
        const int32_t scale = p->per_channel ? channel : 0;
        const int64_t sum = bias[channel] + sum_window(p, in, weights + channel, y, x);
        out[channel] =
            edge_wide_scale(sum, multipliers[scale], shifts[scale], p->out_min, p->out_max);
        if (--left == 0) {
            left = outputs_per_input;
            in++;
        }
    }
}

static int is_valid(const depthwise_conv2d_s16_params *p)
{
    return p->in_height > 0 && p->in_width > 0 && p->in_channels > 0 && p->out_height > 0 &&
           p->out_width > 0 && p->out_channels > 0 && p->out_channels % p->in_channels == 0 &&
           p->kernel_height > 0 && p->kernel_width > 0 && p->stride_height > 0 &&
           p->stride_width > 0 && p->dilation_height > 0 && p->dilation_width > 0 &&
           p->pad_top >= 0 && p->pad_left >= 0 && p->in_zero_point == 0 &&
           p->out_zero_point == 0 && edge_is_s16(p->out_min) && edge_is_s16(p->out_max) &&
           p->out_min <= p->out_max;
}

int depthwise_conv2d_s16(const depthwise_conv2d_s16_params *p, const int16_t *in,
                         const int8_t *weights, const int32_t *bias, const int16_t *multipliers,
                         const int8_t *shifts, int16_t *out)
{
    if (!p || !in || !weights || !bias || !multipliers || !shifts || !out || !is_valid(p))
        return EDGE_BAD_ARG;
    for (int32_t out_y = 0; out_y < p->out_height; out_y++) {
        const int32_t y = out_y * p->stride_height - p->pad_top;
        for (int32_t out_x = 0; out_x < p->out_width; out_x++) {
            const int32_t x = out_x * p->stride_width - p->pad_left;
            compute_pixel(p, in, weights, bias, multipliers, shifts, out, y, x);
            out += p->out_channels;
        }
    }
    return EDGE_OK;
}
