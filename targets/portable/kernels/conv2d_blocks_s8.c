#include "conv2d_blocks_s8.h"
#include "edge_block.h"
#include "edge_patch.h"
#include "edge_product.h"

#define PIXELS EDGE_BLOCK_PIXELS
#define CHANNELS EDGE_BLOCK_CHANNELS
#define UNROLLED EDGE_BLOCK_UNROLLED

/* The windows of some pixels, tap by tap: [taps][PIXELS]; buffers behind them. */
typedef struct {
    edge_image image;
    edge_cell *taps; /* a header of EDGE_BLOCK_HEADER taps before them */
    int8_t *buffers;
    int32_t row;   /* bytes of a buffer: one kernel row */
    int32_t count; /* of taps, a multiple of UNROLLED */
} window;

/* Where windows begin and where their outputs go. Pixels that are not there repeat the last. */
typedef struct {
    int32_t y[PIXELS], x[PIXELS];
    int8_t *out[PIXELS];
} group;

/* The constants of all channels. */
typedef struct {
    const int8_t *weights;
    const int32_t *bias, *multipliers;
    const int8_t *shifts;
} constants;

/* Gather the windows of a group. A kernel row is one run of pixels, unless dilation leaves gaps
 * between them. */
static void gather(const conv2d_blocks_s8_params *p, const window *w, const group *g)
{
    const int32_t run_taps = p->dilation_width > 1 ? 1 : p->kernel_width;
    edge_cell *to = w->taps + EDGE_BLOCK_HEADER * PIXELS;
    for (int32_t row = 0; row < p->kernel_height; row++) {
        const int32_t down = row * p->dilation_height;
        for (int32_t tap = 0; tap < p->kernel_width; tap += run_taps) {
            const int32_t right = tap * p->dilation_width;
            const int8_t *runs[PIXELS];
            for (int32_t i = 0; i < PIXELS; i++)
                runs[i] = edge_patch_run(&w->image, g->y[i] + down, g->x[i] + right, run_taps,
                                         w->buffers + i * w->row);
            to = edge_interleave(to, runs, run_taps * p->in_channels);
        }
    }
    edge_begin_window(w->taps, to);
}

/* How one channel's sums become outputs. */
typedef struct {
    int32_t multiplier, right, rounding, out_min, out_max;
} scaling;

static inline int8_t requantize(const scaling *s, int32_t sum, int is_rectified)
{
    if (is_rectified)
        return edge_requantize_rectified(sum, s->multiplier, s->right, s->rounding);
    const int32_t value = edge_requantize(sum, s->multiplier, s->right, s->rounding);
    return (int8_t)edge_clamp(value, s->out_min, s->out_max);
}

/* Requantize sums [channels][PIXELS] of the channels from `first` on. */
static inline void finish(const conv2d_blocks_s8_params *p, const constants *c, const group *g,
                          const int32_t *sums, int32_t first, int32_t channels, int is_rectified)
{
    const int32_t zero_point = p->out_zero_point, out_min = p->out_min, out_max = p->out_max;
    const int32_t *multiplier = c->multipliers + first;
    const int8_t *shift = c->shifts + first;
    for (int32_t channel = first; channel < first + channels; channel++, sums += PIXELS) {
        const int32_t right = -*shift++;
        const scaling s = {*multiplier++, right, edge_rounding(zero_point, right),
                           out_min, out_max};
        g->out[0][channel] = requantize(&s, sums[0], is_rectified);
        g->out[1][channel] = requantize(&s, sums[1], is_rectified);
#if PIXELS == 4
        g->out[2][channel] = requantize(&s, sums[2], is_rectified);
        g->out[3][channel] = requantize(&s, sums[3], is_rectified);
#endif
    }
}

/* All output channels of a gathered group. */
static void compute_group(const conv2d_blocks_s8_params *p, const window *window,
                          const constants *c, const group *g)
{
    const edge_cell *end = window->taps + PIXELS * (window->count + EDGE_BLOCK_HEADER);
    const int is_rectified = edge_is_rectified(p->out_zero_point, p->out_min, p->out_max);
    const int8_t *weights = c->weights;
    for (int32_t first = 0; first < p->out_channels; first += CHANNELS) {
        int32_t sums[CHANNELS * PIXELS];
        const int32_t left = p->out_channels - first;
        const int32_t channels = left < CHANNELS ? left : CHANNELS;
        edge_sum_block(window->taps, end, weights, c->bias + first, sums);
        if (is_rectified)
            finish(p, c, g, sums, first, channels, 1);
        else
            finish(p, c, g, sums, first, channels, 0);
        weights += CHANNELS * window->count;
    }
}

/* The next group of at most `left` pixels, of which the first begins at (*y, *x). */
static void next_group(const conv2d_blocks_s8_params *p, int32_t left, int8_t *out, int32_t *y,
                       int32_t *x, group *g)
{
    const int32_t right_end = p->out_width * p->stride_width - p->pad_left;
    for (int32_t i = 0; i < PIXELS; i++) {
        const int32_t from = i < left ? i : left - 1;
        g->y[i] = i < left ? *y : g->y[from];
        g->x[i] = i < left ? *x : g->x[from];
        g->out[i] = out + from * p->out_channels;
        if (i < left && (*x += p->stride_width) >= right_end) {
            *x = -p->pad_left;
            *y += p->stride_height;
        }
    }
}

static int is_valid(const conv2d_blocks_s8_params *p)
{
    return p->in_height > 0 && p->in_width > 0 && p->in_channels > 0 && p->out_height > 0 &&
           p->out_width > 0 && p->out_channels > 0 && p->kernel_height > 0 &&
           p->kernel_width > 0 && p->stride_height > 0 && p->stride_width > 0 &&
           p->dilation_height > 0 && p->dilation_width > 0 && p->pad_top >= 0 &&
           p->pad_left >= 0 && edge_is_s8(p->in_zero_point) && edge_is_s8(p->out_zero_point) &&
           edge_is_s8(p->out_min) && edge_is_s8(p->out_max) && p->out_min <= p->out_max;
}

static window window_in(const conv2d_blocks_s8_params *p, const int8_t *in, void *scratch)
{
    edge_cell *cells = scratch;
    const int32_t row = p->kernel_width * p->in_channels;
    const int32_t taps = p->kernel_height * row;
    const int32_t count = (taps + UNROLLED - 1) / UNROLLED * UNROLLED;
    const window found = {
        {in, p->in_height, p->in_width, p->in_channels, p->in_zero_point},
        cells,
        (int8_t *)(cells + PIXELS * (count + EDGE_BLOCK_HEADER)),
        row,
        count,
    };
    cells += PIXELS * EDGE_BLOCK_HEADER;
    for (int32_t cell = PIXELS * taps; cell < PIXELS * count; cell++)
        cells[cell] = 0;
    return found;
}

int conv2d_blocks_s8(const conv2d_blocks_s8_params *p, const int8_t *in, const int8_t *weights,
                     const int32_t *bias, const int32_t *multipliers, const int8_t *shifts,
                     void *scratch, int8_t *out)
{
    if (!p || !in || !weights || !bias || !multipliers || !shifts || !scratch || !out ||
        !is_valid(p))
        return EDGE_BAD_ARG;
    const window found = window_in(p, in, scratch);
    const constants all = {weights, bias, multipliers, shifts};
    int32_t y = -p->pad_top, x = -p->pad_left;
    for (int32_t left = p->out_height * p->out_width; left > 0; left -= PIXELS) {
        group g;
        next_group(p, left, out, &y, &x, &g);
        gather(p, &found, &g);
        compute_group(p, &found, &all, &g);
        out += PIXELS * p->out_channels;
    }
    return EDGE_OK;
}
