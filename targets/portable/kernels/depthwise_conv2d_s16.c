#include "depthwise_conv2d_s16.h"

#include "edge_wide.h"

/* What of a window lies in the image. origin: where its first tap would lie, in elements. */
typedef struct {
    edge_wide_taps rows, columns;
    int32_t origin;
} window;

static window find_window(const depthwise_conv2d_s16_params *p, int32_t y, int32_t x)
{
    const window found = {
        edge_wide_inside(y, p->dilation_height, p->kernel_height, p->in_height),
        edge_wide_inside(x, p->dilation_width, p->kernel_width, p->in_width),
        (y * p->in_width + x) * p->in_channels,
    };
    return found;
}

/* The sum of one output channel; what lies outside the image is 0.   in: the input channel. */
static int64_t sum_window(const depthwise_conv2d_s16_params *p, const window *w,
                          const int16_t *in, const int8_t *weights)
{
    const int32_t step = p->dilation_width * p->in_channels;
    const int32_t row_step = p->dilation_height * p->in_width * p->in_channels;
    const int32_t count = w->columns.end - w->columns.begin;
    int64_t sum = 0;
    for (int32_t row = w->rows.begin; row < w->rows.end && count > 0; row++) {
        const int32_t tap = row * p->kernel_width + w->columns.begin;
        sum += edge_wide_dot_apart(in + (w->origin + row * row_step + w->columns.begin * step),
                                   step, weights + tap * p->out_channels, p->out_channels, count);
    }
    return sum;
}

/* All output channels of the pixel whose window starts at (y, x). */
static void compute_pixel(const depthwise_conv2d_s16_params *p, const int16_t *in,
                          const int8_t *weights, const int32_t *bias, const int16_t *multipliers,
                          const int8_t *shifts, int16_t *out, int32_t y, int32_t x)
{
    const int32_t outputs_per_input = p->out_channels / p->in_channels;
    const window w = find_window(p, y, x);
    int32_t left = outputs_per_input;
    for (int32_t channel = 0; channel < p->out_channels; channel++) {
        const int32_t scale = p->per_channel ? channel : 0;
        const int64_t sum = bias[channel] + sum_window(p, &w, in, weights + channel);
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
