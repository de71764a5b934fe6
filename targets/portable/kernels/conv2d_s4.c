#include "conv2d_s4.h"

#include "edge_nibbles.h"

/* One output channel. */
typedef struct {
    const int8_t *in;      /* at the first channel of its group */
    const int8_t *weights;
    int32_t channels;      /* of the group */
    int32_t bias, multiplier, shift;
} channel_layer;

static int32_t dot(const int8_t *in, const int8_t *weights, int32_t count)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < count; i++)
        sum += in[i] * weights[i];
    return sum;
}

/* What count taps outside the image give: each reads the zero point. */
static int32_t outside(const int8_t *weights, int32_t count, int32_t zero_point)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < count; i++)
        sum += weights[i];
    return sum * zero_point;
}

/* The window whose first tap is at (y, x). */
static int32_t sum_window(const conv2d_s4_params *p, const channel_layer *layer, int32_t y,
                          int32_t x)
{
    const int8_t *weights = layer->weights;
    int32_t sum = layer->bias;
    for (int32_t row = 0; row < p->kernel_height; row++, y += p->dilation_height) {
        int32_t tap_x = x;
        for (int32_t column = 0; column < p->kernel_width; column++) {
            if (y >= 0 && y < p->in_height && tap_x >= 0 && tap_x < p->in_width)
                sum += dot(layer->in + (y * p->in_width + tap_x) * p->in_channels, weights,
                           layer->channels);
            else
                sum += outside(weights, layer->channels, p->in_zero_point);
            weights += layer->channels;
            tap_x += p->dilation_width;
        }
    }
    return sum;
}

/* All pixels of one output channel. */
static void compute_channel(const conv2d_s4_params *p, const channel_layer *layer, int8_t *out)
{
    for (int32_t out_y = 0; out_y < p->out_height; out_y++) {
        const int32_t y = out_y * p->stride_height - p->pad_top;
        for (int32_t out_x = 0; out_x < p->out_width; out_x++) {
            const int32_t sum = sum_window(p, layer, y, out_x * p->stride_width - p->pad_left);
            const int32_t scaled =
                edge_multiply_double_rounding(sum, layer->multiplier, layer->shift);
            *out = (int8_t)edge_clamp(scaled + p->out_zero_point, p->out_min, p->out_max);
            out += p->out_channels;
        }
    }
}

static int is_valid(const conv2d_s4_params *p)
{
    return p->in_height > 0 && p->in_width > 0 && p->in_channels > 0 && p->out_height > 0 &&
           p->out_width > 0 && p->out_channels > 0 && p->kernel_height > 0 &&
           p->kernel_width > 0 && p->stride_height > 0 && p->stride_width > 0 &&
           p->dilation_height > 0 && p->dilation_width > 0 && p->pad_top >= 0 &&
           p->pad_left >= 0 && p->groups > 0 && p->in_channels % p->groups == 0 &&
           p->out_channels % p->groups == 0 && edge_is_s8(p->in_zero_point) &&
           edge_is_s8(p->out_zero_point) && edge_is_s8(p->out_min) && edge_is_s8(p->out_max) &&
           p->out_min <= p->out_max;
}

int conv2d_s4(const conv2d_s4_params *p, const int8_t *in, const int8_t *weights,
              const int32_t *bias, const int32_t *multipliers, const int8_t *shifts, int8_t *out,
              void *scratch)
{
    if (!p || !in || !weights || !bias || !multipliers || !shifts || !out || !scratch ||
        !is_valid(p))
        return EDGE_BAD_ARG;
    int8_t *unpacked = scratch;
    const int32_t channels = p->in_channels / p->groups;
    const int32_t window = p->kernel_height * p->kernel_width * channels;
    const int32_t group_outputs = p->out_channels / p->groups;
    for (int32_t channel = 0; channel < p->out_channels; channel++) {
        const int32_t scale = p->per_channel ? channel : 0;
        const channel_layer layer = {in + channel / group_outputs * channels, unpacked, channels,
                                     bias[channel], multipliers[scale], shifts[scale]};
        edge_unpack_nibbles(weights, window, unpacked);
        compute_channel(p, &layer, out + channel);
        weights += (window + 1) / 2;
    }
    return EDGE_OK;
}
