#include "depthwise_conv2d_planes_s8.h"
#include "edge_columns.h"
#include "edge_scale.h"

/* The padded plane of some output rows. The image covers it from `inside` on. */
typedef struct {
    edge_cell *cells, *inside;
    const int8_t *in;       /* what lies at `inside`, of channel 0 */
    int32_t rows, columns;  /* of the image's part */
    int32_t out_rows;
} strip;

/* How one channel's sums become its outputs. */
typedef struct {
    const int8_t *weights;
    int32_t bias;
    edge_scale scale;
} channel_constants;

static void fill(edge_cell *cells, int32_t count, int32_t value)
{
    for (; count > 0; count--)
        *cells++ = (edge_cell)value;
}

/* The strip from output row `first` on, its cells holding the zero point. */
static strip begin_strip(const depthwise_conv2d_planes_s8_params *p, const int8_t *in,
                         edge_cell *cells, int32_t first)
{
    const int32_t left = p->out_height - first;
    const int32_t out_rows = left < p->strip_rows ? left : p->strip_rows;
    const int32_t rows =
        (out_rows - 1) * p->stride_height + (p->kernel_height - 1) * p->dilation_height + 1;
    const int32_t top = first * p->stride_height - p->pad_top;
    const int32_t y = edge_clamp(top, 0, p->in_height);
    const int32_t bottom = edge_clamp(top + rows, y, p->in_height);
    const int32_t margin = edge_clamp(p->pad_left, 0, p->plane_width);
    const int32_t columns = edge_clamp(p->plane_width - margin, 0, p->in_width);
    const strip found = {
        cells, cells + (y - top) * p->plane_width + margin,
        in + y * p->in_row_step, bottom - y, columns, out_rows,
    };
    fill(cells, rows * p->plane_width, p->in_zero_point);
    return found;
}

static void load_channel(const depthwise_conv2d_planes_s8_params *p, const strip *s,
                         const int8_t *in)
{
    const int32_t step = p->in_column_step;
    edge_cell *row = s->inside;
    for (int32_t left = s->rows; left > 0; left--) {
        const int8_t *from = in;
        edge_cell *const end = row + s->columns;
        for (edge_cell *cell = row; cell != end; from += step)
            *cell++ = *from;
        row += p->plane_width;
        in += p->in_row_step;
    }
}

/* What every row of a channel needs. */
typedef struct {
    edge_taps taps;
    channel_constants channel;
    edge_scaling scaling;
    int32_t out_width, out_step, tail;
} row_plan;

/* Requantize four sums, of which `left` count. Those behind go where the last one goes, which is
 * written after them. */
static inline void store(const edge_scaling *scaling, const edge_scale *scale, int32_t step,
                         const int32_t *sums, int32_t left, int8_t *out, int tail)
{
    const int32_t third = left > 3 ? 3 * step : (left - 1) * step;
    const int32_t second = left > 2 ? 2 * step : (left - 1) * step;
    const int32_t first = left > 1 ? step : 0;
    out[third] = edge_scaled(scaling, scale, sums[3], tail);
    out[second] = edge_scaled(scaling, scale, sums[2], tail);
    out[first] = edge_scaled(scaling, scale, sums[1], tail);
    out[0] = edge_scaled(scaling, scale, sums[0], tail);
}

/* One row of one output channel. */
static inline void compute_row(
    const row_plan *plan, const edge_cell *cells, int8_t *out, int is_3x3)
{
    const channel_constants c = plan->channel; /* copies, which no output can overwrite */
    const edge_scaling scaling = plan->scaling;
    const int32_t step = plan->out_step, start = c.bias;
    for (int32_t left = plan->out_width; left > 0; left -= EDGE_COLUMNS) {
        int32_t sums[EDGE_COLUMNS] = {start, start, start, start};
        if (is_3x3)
            edge_sum_columns_3x3(&plan->taps, cells, c.weights, sums);
        else
            edge_sum_columns(&plan->taps, cells, c.weights, sums);
        if (plan->tail == EDGE_RECTIFIED)
            store(&scaling, &c.scale, step, sums, left, out, EDGE_RECTIFIED);
        else if (plan->tail == EDGE_LINEAR)
            store(&scaling, &c.scale, step, sums, left, out, EDGE_LINEAR);
        else
            store(&scaling, &c.scale, step, sums, left, out, EDGE_ANY);
        out += EDGE_COLUMNS * step;
        cells += EDGE_COLUMNS * plan->taps.output;
    }
}

EDGE_NOINLINE static void compute_row_3x3(const row_plan *plan, const edge_cell *cells,
                                           int8_t *out)
{
    compute_row(plan, cells, out, 1);
}

EDGE_NOINLINE static void compute_any_row(const row_plan *plan, const edge_cell *cells,
                                          int8_t *out)
{
    compute_row(plan, cells, out, 0);
}

/* One output channel of a strip. out: its first element. */
static void compute_channel(const depthwise_conv2d_planes_s8_params *p, const strip *s,
                            const row_plan *plan, int8_t *out)
{
    const edge_taps *taps = &plan->taps;
    const int is_3x3 = taps->rows == 3 && taps->columns == 3 && taps->tap_column == 1 && taps->output == 1;
    const edge_cell *cells = s->cells;
    for (int32_t y = 0; y < s->out_rows; y++) {
        if (is_3x3)
            compute_row_3x3(plan, cells, out);
        else
            compute_any_row(plan, cells, out);
        cells += p->stride_height * p->plane_width;
        out += p->out_row_step;
    }
}

static int is_valid(const depthwise_conv2d_planes_s8_params *p, const edge_scaling *scaling)
{
    const int32_t last = (p->out_width + EDGE_COLUMNS - 1) / EDGE_COLUMNS * EDGE_COLUMNS - 1;
    return p->in_height > 0 && p->in_width > 0 && p->in_channels > 0 && p->out_height > 0 &&
           p->out_width > 0 && p->out_channels > 0 && p->out_channels % p->in_channels == 0 &&
           p->kernel_height > 0 && p->kernel_width > 0 && p->stride_height > 0 &&
           p->stride_width > 0 && p->dilation_height > 0 && p->dilation_width > 0 &&
           p->pad_top >= 0 && p->pad_left >= 0 && edge_is_s8(p->in_zero_point) &&
           p->strip_rows > 0 && edge_is_scaling(scaling, p->tail) &&
           p->plane_width > last * p->stride_width + (p->kernel_width - 1) * p->dilation_width;
}

int depthwise_conv2d_planes_s8(const depthwise_conv2d_planes_s8_params *p, const int8_t *in,
                               const int8_t *weights, const int32_t *bias,
                               const int32_t *multipliers, const int8_t *shifts, void *scratch,
                               int8_t *out)
{
    if (!p || !in || !weights || !bias || !multipliers || !shifts || !scratch || !out)
        return EDGE_BAD_ARG;
    const edge_scaling scaling = {p->out_zero_point, p->out_min, p->out_max, p->split, p->limit, 2};
    if (!is_valid(p, &scaling))
        return EDGE_BAD_ARG;
    const int32_t outputs_per_input = p->out_channels / p->in_channels;
    const int32_t window = p->kernel_height * p->kernel_width;
    const edge_taps taps = {p->kernel_height, p->kernel_width, p->dilation_height * p->plane_width,
                            p->dilation_width, p->stride_width};
    row_plan plan;
    plan.taps = taps;
    plan.scaling = scaling;
    plan.out_width = p->out_width;
    plan.out_step = p->out_column_step;
    plan.tail = p->tail;
    for (int32_t first = 0; first < p->out_height; first += p->strip_rows) {
        const strip s = begin_strip(p, in, scratch, first);
        for (int32_t channel = 0; channel < p->out_channels; channel++) {
            const edge_scale scale =
                edge_scale_of(&scaling, multipliers[channel], shifts[channel], (int)p->tail);
            const channel_constants constants = {weights + channel * window, bias[channel], scale};
            plan.channel = constants;
            if (channel % outputs_per_input == 0)
                load_channel(p, &s, s.in + channel / outputs_per_input);
            compute_channel(p, &s, &plan, out + first * p->out_row_step + channel);
        }
    }
    return EDGE_OK;
}
