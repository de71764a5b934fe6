#include "depthwise_conv2d_s8.h"

/* Distances in the input, in elements. */
typedef struct {
    int32_t row;      /* between rows */
    int32_t tap_row;  /* between rows of taps */
    int32_t tap;      /* between taps of a row */
} steps;

/* The window of one output channel where every tap is inside the image. in: first tap. */
static int32_t sum_interior(const depthwise_conv2d_s8_params *p, const steps *step,
                            const int8_t *in, const int8_t *weights)
{
    int32_t sum = 0;
    for (int32_t tap_y = 0; tap_y < p->kernel_height; tap_y++) {
        const int8_t *tap = in;
        for (int32_t tap_x = 0; tap_x < p->kernel_width; tap_x++) {
            sum += *tap * *weights;
            tap += step->tap;
            weights += p->out_channels;
        }
        in += step->tap_row;
    }
    return sum;
}

/* The same at (y, x), where taps outside the image read the zero point. in: the channel. */
static int32_t sum_border(const depthwise_conv2d_s8_params *p, const steps *step,
                          const int8_t *in, const int8_t *weights, int32_t y, int32_t x)
{
    int32_t sum = 0;
    for (int32_t tap_y = 0; tap_y < p->kernel_height; tap_y++, y += p->dilation_height) {
        const int is_row_inside = y >= 0 && y < p->in_height;
        int32_t column = x;
        for (int32_t tap_x = 0; tap_x < p->kernel_width; tap_x++) {
            const int is_inside = is_row_inside && column >= 0 && column < p->in_width;
            const int32_t value =
                is_inside ? in[y * step->row + column * p->in_channels] : p->in_zero_point;
            sum += value * *weights;
            weights += p->out_channels;
            column += p->dilation_width;
        }
    }
    return sum;
}

/* All output channels of the pixel whose window starts at (y, x). */
static void compute_pixel(const depthwise_conv2d_s8_params *p, const steps *step,
                          const int8_t *in, const int8_t *weights, const int32_t *bias,
                          const int32_t *multipliers, const int8_t *shifts, int8_t *out,
                          int32_t y, int32_t x)
{
    const int32_t last_y = y + (p->kernel_height - 1) * p->dilation_height;
    const int32_t last_x = x + (p->kernel_width - 1) * p->dilation_width;
    const int is_interior = y >= 0 && x >= 0 && last_y < p->in_height && last_x < p->in_width;
    const int8_t *first = is_interior ? in + y * step->row + x * p->in_channels : in;
    const int32_t outputs_per_input = p->out_channels / p->in_channels;
    int32_t left = outputs_per_input;
    for (int32_t channel = 0; channel < p->out_channels; channel++) {
        const int32_t scale = p->per_channel ? channel : 0;
        const int32_t sum =
            bias[channel] + (is_interior ? sum_interior(p, step, first, weights + channel)
                                         : sum_border(p, step, first, weights + channel, y, x));
        const int32_t scaled =
            edge_multiply_double_rounding(sum, multipliers[scale], shifts[scale]);
        out[channel] = (int8_t)edge_clamp(scaled + p->out_zero_point, p->out_min, p->out_max);
        if (--left == 0) {
            left = outputs_per_input;
            first++;
        }
    }
}

static int is_valid(const depthwise_conv2d_s8_params *p)
{
    return p->in_height > 0 && p->in_width > 0 && p->in_channels > 0 && p->out_height > 0 &&
           p->out_width > 0 && p->out_channels > 0 && p->out_channels % p->in_channels == 0 &&
           p->kernel_height > 0 && p->kernel_width > 0 && p->stride_height > 0 &&
           p->stride_width > 0 && p->dilation_height > 0 && p->dilation_width > 0 &&
           p->pad_top >= 0 && p->pad_left >= 0 && edge_is_s8(p->in_zero_point) &&
           edge_is_s8(p->out_zero_point) && edge_is_s8(p->out_min) && edge_is_s8(p->out_max) &&
           p->out_min <= p->out_max;
}

int depthwise_conv2d_s8(const depthwise_conv2d_s8_params *p, const int8_t *in,
                        const int8_t *weights, const int32_t *bias, const int32_t *multipliers,
                        const int8_t *shifts, int8_t *out)
{
    if (!p || !in || !weights || !bias || !multipliers || !shifts || !out || !is_valid(p))
        return EDGE_BAD_ARG;
    const int32_t row = p->in_width * p->in_channels;
    const steps step = {row, row * p->dilation_height, p->in_channels * p->dilation_width};
    int32_t y = -p->pad_top;
    for (int32_t out_y = 0; out_y < p->out_height; out_y++) {
        int32_t x = -p->pad_left;
        for (int32_t out_x = 0; out_x < p->out_width; out_x++) {
            compute_pixel(p, &step, in, weights, bias, multipliers, shifts, out, y, x);
            out += p->out_channels;
            x += p->stride_width;
        }
        y += p->stride_height;
    }
    return EDGE_OK;
}
