#include "conv2d_f32.h"

/* A kernel row is read in runs: stretches of taps that are contiguous in the input and in the
 * weights. The whole row is one run, unless dilation or groups leave gaps between taps. */
typedef struct {
    int32_t channels;  /* of one group: elements of a tap */
    int32_t runs;      /* in a kernel row */
    int32_t run_taps;  /* in a run */
} row_layout;

static row_layout layout_of(const conv2d_f32_params *p)
{
    row_layout row = {p->in_channels / p->groups, 1, p->kernel_width};
    if (p->dilation_width > 1 || p->groups > 1) {
        row.runs = p->kernel_width;
        row.run_taps = 1;
    }
    return row;
}

/* sum plus one kernel row whose first tap is at column x; columns outside hold 0.
 * in: row of the input, at the first channel of the group. */
static float add_row(const conv2d_f32_params *p, const row_layout *row, const float *in,
                     const float *weights, int32_t x, float sum)
{
    for (int32_t run = 0; run < row->runs; run++) {
        const int32_t first = edge_clamp(-x, 0, row->run_taps);
        const int32_t end = edge_clamp(p->in_width - x, first, row->run_taps);
        if (end > first) {
            const float *taps = in + (x + first) * p->in_channels;
            const float *factors = weights + first * row->channels;
            const int32_t count = (end - first) * row->channels;
            for (int32_t i = 0; i < count; i++)
                sum += taps[i] * factors[i];
        }
        weights += row->run_taps * row->channels;
        x += p->dilation_width;
    }
    return sum;
}

/* sum plus one output channel's window whose first tap is at (y, x). */
static float add_window(const conv2d_f32_params *p, const row_layout *row, const float *in,
                        const float *weights, int32_t y, int32_t x, float sum)
{
    const int32_t row_weights = p->kernel_width * row->channels;
    const int32_t row_elements = p->in_width * p->in_channels;
    for (int32_t tap = 0; tap < p->kernel_height; tap++) {
        if (y >= 0 && y < p->in_height)
            sum = add_row(p, row, in + y * row_elements, weights, x, sum);
        weights += row_weights;
        y += p->dilation_height;
    }
    return sum;
}

/* All output channels of the pixel whose window starts at (y, x). */
static void compute_pixel(const conv2d_f32_params *p, const row_layout *row, const float *in,
                          const float *weights, const float *bias, float *out, int32_t y,
                          int32_t x)
{
    const int32_t window = p->kernel_height * p->kernel_width * row->channels;
    const int32_t group_outputs = p->out_channels / p->groups;
    int32_t left_in_group = group_outputs;
    for (int32_t channel = 0; channel < p->out_channels; channel++) {
        const float sum =
            add_window(p, row, in, weights, y, x, bias ? bias[channel] : 0.0f);
        out[channel] = edge_clamp_f32(sum, p->out_min, p->out_max);
        weights += window;
        if (--left_in_group == 0) {
            left_in_group = group_outputs;
            in += row->channels;
        }
    }
}

static int is_valid(const conv2d_f32_params *p)
{
    return p->in_height > 0 && p->in_width > 0 && p->in_channels > 0 && p->out_height > 0 &&
           p->out_width > 0 && p->out_channels > 0 && p->kernel_height > 0 &&
           p->kernel_width > 0 && p->stride_height > 0 && p->stride_width > 0 &&
           p->dilation_height > 0 && p->dilation_width > 0 && p->pad_top >= 0 &&
           p->pad_left >= 0 && p->groups > 0 && p->in_channels % p->groups == 0 &&
           p->out_channels % p->groups == 0 && p->out_min <= p->out_max;
}

int conv2d_f32(const conv2d_f32_params *p, const float *in, const float *weights,
               const float *bias, float *out)
{
    if (!p || !in || !weights || !out || !is_valid(p))
        return EDGE_BAD_ARG;
    const row_layout row = layout_of(p);
    int32_t y = -p->pad_top;
    for (int32_t out_y = 0; out_y < p->out_height; out_y++) {
        int32_t x = -p->pad_left;
        for (int32_t out_x = 0; out_x < p->out_width; out_x++) {
            compute_pixel(p, &row, in, weights, bias, out, y, x);
            out += p->out_channels;
            x += p->stride_width;
        }
        y += p->stride_height;
    }
    return EDGE_OK;
}
