#include "transpose_conv2d_s16.h"

#include "edge_wide.h"

/* The taps of one axis that reach an output: `tap` reads input `index`, and each `stride` taps
 * further the input before it. */
typedef struct {
    int32_t tap;
    int32_t index;
} reach;

/* position: output position plus pad. Skips taps whose input lies behind the end. */
static reach first_reach(int32_t position, int32_t stride, int32_t size)
{
    reach found = {position % stride, position / stride};
    if (found.index >= size) {
        found.tap += (found.index - size + 1) * stride;
        found.index = size - 1;
    }
    return found;
}

/* One output channel of the pixel that taps rows and columns reach. */
static int64_t sum_taps(const transpose_conv2d_s16_params *p, const int16_t *in,
                        const int8_t *weights, reach rows, reach columns)
{
    int64_t sum = 0;
    for (; rows.tap < p->kernel_height && rows.index >= 0; rows.index--) {
        const int16_t *in_row = in + rows.index * p->in_width * p->in_channels;
        const int8_t *weight_row = weights + rows.tap * p->kernel_width * p->in_channels;
        reach column = columns;
        for (; column.tap < p->kernel_width && column.index >= 0; column.index--) {
            sum += edge_wide_dot(in_row + column.index * p->in_channels,
                                 weight_row + column.tap * p->in_channels, p->in_channels);
            column.tap += p->stride_width;
        }
        rows.tap += p->stride_height;
    }
    return sum;
}

static int is_valid(const transpose_conv2d_s16_params *p)
{
    return p->in_height > 0 && p->in_width > 0 && p->in_channels > 0 && p->out_height > 0 &&
           p->out_width > 0 && p->out_channels > 0 && p->kernel_height > 0 &&
           p->kernel_width > 0 && p->stride_height > 0 && p->stride_width > 0 &&
           p->pad_top >= 0 && p->pad_left >= 0 && p->in_zero_point == 0 &&
           p->out_zero_point == 0 && edge_is_s16(p->out_min) && edge_is_s16(p->out_max) &&
           p->out_min <= p->out_max;
}

int transpose_conv2d_s16(const transpose_conv2d_s16_params *p, const int16_t *in,
                         const int8_t *weights, const int32_t *bias, const int16_t *multipliers,
                         const int8_t *shifts, int16_t *out)
{
    if (!p || !in || !weights || !bias || !multipliers || !shifts || !out || !is_valid(p))
        return EDGE_BAD_ARG;
    const int32_t window = p->kernel_height * p->kernel_width * p->in_channels;
    for (int32_t y = 0; y < p->out_height; y++) {
        const reach rows = first_reach(y + p->pad_top, p->stride_height, p->in_height);
        for (int32_t x = 0; x < p->out_width; x++) {
            const reach columns = first_reach(x + p->pad_left, p->stride_width, p->in_width);
            for (int32_t channel = 0; channel < p->out_channels; channel++) {
                const int32_t scale = p->per_channel ? channel : 0;
                const int64_t sum =
                    bias[channel] + sum_taps(p, in, weights + channel * window, rows, columns);
                *out++ = edge_wide_scale(
                    sum, multipliers[scale], shifts[scale], p->out_min, p->out_max);
            }
        }
    }
    return EDGE_OK;
}
