#include "conv2d_s8.h"

/* A kernel row is read in runs: stretches of taps that are contiguous in the input and in the
 * weights. The whole row is one run, unless dilation or groups leave gaps between taps. */
typedef struct {
    int32_t channels;  /* of one group: bytes of a tap */
    int32_t runs;      /* in a kernel row */
    int32_t run_taps;  /* in a run */
} row_layout;

static row_layout layout_of(const conv2d_s8_params *p)
{
    row_layout row = {p->in_channels / p->groups, 1, p->kernel_width};
    if (p->dilation_width > 1 || p->groups > 1) {
        row.runs = p->kernel_width;
        row.run_taps = 1;
    }
    return row;
}

static int32_t dot(const int8_t *in, const int8_t *weights, int32_t count)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < count; i++)
        sum += in[i] * weights[i];
    return sum;
}

static int32_t total(const int8_t *weights, int32_t count)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < count; i++)
        sum += weights[i];
    return sum;
}

/* The sum of one kernel row whose first tap is at column x; columns outside hold the zero point.
 * in: row of the input, at the first channel of the group. */
static int32_t sum_row(const conv2d_s8_params *p, const row_layout *row, const int8_t *in,
                       const int8_t *weights, int32_t x)
{
    int32_t sum = 0;
    for (int32_t run = 0; run < row->runs; run++) {
        const int32_t first = edge_clamp(-x, 0, row->run_taps);
        const int32_t end = edge_clamp(p->in_width - x, first, row->run_taps);
        const int32_t before = first * row->channels;
        const int32_t inside = (end - first) * row->channels;
        const int32_t after = (row->run_taps - end) * row->channels;
        if (before + after > 0)
            sum += p->in_zero_point *
                   (total(weights, before) + total(weights + before + inside, after));
        if (inside > 0)
            sum += dot(in + (x + first) * p->in_channels, weights + before, inside);
        weights += before + inside + after;
        x += p->dilation_width;
    }
    return sum;
}

/* The sum of one output channel's window whose first tap is at (y, x). */
static int32_t sum_window(const conv2d_s8_params *p, const row_layout *row, const int8_t *in,
                          const int8_t *weights, int32_t y, int32_t x)
{
    const int32_t row_weights = p->kernel_width * row->channels;
    const int32_t row_bytes = p->in_width * p->in_channels;
    int32_t sum = 0;
    for (int32_t tap = 0; tap < p->kernel_height; tap++) {
        if (y >= 0 && y < p->in_height)
            sum += sum_row(p, row, in + y * row_bytes, weights, x);
        else
            sum += p->in_zero_point * total(weights, row_weights);
        weights += row_weights;
        y += p->dilation_height;
    }
    return sum;
}

/* All output channels of the pixel whose window starts at (y, x). */
static void compute_pixel(const conv2d_s8_params *p, const row_layout *row, const int8_t *in,
                          const int8_t *weights, const int32_t *bias, const int32_t *multipliers,
                          const int8_t *shifts, int8_t *out, int32_t y, int32_t x)
{
    const int32_t window = p->kernel_height * p->kernel_width * row->channels;
    const int32_t group_outputs = p->out_channels / p->groups;
    int32_t left_in_group = group_outputs;
    for (int32_t channel = 0; channel < p->out_channels; channel++) {
        const int32_t scale = p->per_channel ? channel : 0;
        const int32_t sum = bias[channel] + sum_window(p, row, in, weights, y, x);
        const int32_t scaled =
            edge_multiply_double_rounding(sum, multipliers[scale], shifts[scale]);
        out[channel] = (int8_t)edge_clamp(scaled + p->out_zero_point, p->out_min, p->out_max);
        weights += window;
        if (--left_in_group == 0) {
            left_in_group = group_outputs;
            in += row->channels;
        }
    }
}

static int is_valid(const conv2d_s8_params *p)
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

int conv2d_s8(const conv2d_s8_params *p, const int8_t *in, const int8_t *weights,
              const int32_t *bias, const int32_t *multipliers, const int8_t *shifts, int8_t *out)
{
    if (!p || !in || !weights || !bias || !multipliers || !shifts || !out || !is_valid(p))
        return EDGE_BAD_ARG;
    const row_layout row = layout_of(p);
    int32_t y = -p->pad_top;
    for (int32_t out_y = 0; out_y < p->out_height; out_y++) {
        int32_t x = -p->pad_left;
        for (int32_t out_x = 0; out_x < p->out_width; out_x++) {
            compute_pixel(p, &row, in, weights, bias, multipliers, shifts, out, y, x);
            out += p->out_channels;
            x += p->stride_width;
        }
        y += p->stride_height;
    }
    return EDGE_OK;
}
