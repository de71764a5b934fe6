#include "conv2d_blocks_s8.h"
#include "edge_block.h"
#include "edge_patch.h"
#include "edge_scale.h"

#define PIXELS 6
#define CHANNELS 4
#define WORDS 4 /* for six pixels */

/* The windows of some pixels, tap by tap: [segments][segment_taps][WORDS]; buffers behind them. */
typedef struct {
    edge_image image;
    uint32_t *taps, *end;
    uint32_t *offsets; /* [segments][EDGE_BLOCK_OFFSETS] */
    int8_t *buffers;
    int32_t row;           /* bytes of a buffer: one kernel row */
    int32_t segment_words;
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
    edge_scaling scaling;
} constants;

/* Words of three runs of count taps, every WORDS words. */
static void pack_runs(uint32_t *to, const int8_t *const *runs, int32_t count)
{
    const int8_t *first = runs[0], *second = runs[1], *third = runs[2];
    for (uint32_t *const end = to + WORDS * count; to != end; to += WORDS) {
        const int32_t a = *first++, b = *second++, c = *third++;
        to[0] = edge_first_word(a, b);
        to[1] = edge_second_word(b, c);
    }
}

/* Gather the windows of a group. A kernel row is one run of pixels, unless dilation leaves gaps
 * between them. */
static void gather(const conv2d_blocks_s8_params *p, const window *w, const group *g)
{
    const int32_t run_taps = p->dilation_width > 1 ? 1 : p->kernel_width;
    const int32_t count = run_taps * p->in_channels;
    uint32_t *to = w->taps;
    for (int32_t row = 0; row < p->kernel_height; row++) {
        const int32_t down = row * p->dilation_height;
        for (int32_t tap = 0; tap < p->kernel_width; tap += run_taps) {
            const int32_t right = tap * p->dilation_width;
            const int8_t *runs[PIXELS];
            for (int32_t i = 0; i < PIXELS; i++)
                runs[i] = edge_patch_run(&w->image, g->y[i] + down, g->x[i] + right, run_taps,
                                         w->buffers + i * w->row);
            pack_runs(to, runs, count);
            pack_runs(to + 2, runs + 3, count);
            to += WORDS * count;
        }
    }
    uint32_t *offsets = w->offsets;
    for (const uint32_t *x = w->taps; x != w->end; x += w->segment_words) {
        edge_begin_segment(x, x + w->segment_words, offsets);
        offsets += EDGE_BLOCK_OFFSETS;
    }
}

/* Requantize the words [channels][WORDS] of the channels from `first` on, with what earlier
 * segments have summed, [CHANNELS][PIXELS] or NULL. */
static inline void finish(const constants *c, const group *g, const uint32_t *words,
                          const int32_t *earlier, int32_t first, int32_t end, int tail)
{
    const int32_t *multiplier = c->multipliers + first;
    const int8_t *shift = c->shifts + first;
    for (int32_t channel = first; channel < end; channel++) {
        const edge_scale scale = edge_scale_of(&c->scaling, *multiplier++, *shift++, tail);
        for (int8_t *const *out = g->out; out != g->out + PIXELS; out += 3, words += 2) {
            edge_triple sums = edge_unpack(words[0], words[1]);
            if (earlier) {
                sums.a += *earlier++;
                sums.b += *earlier++;
                sums.c += *earlier++;
            }
            out[0][channel] = edge_scaled(&c->scaling, &scale, sums.a, tail);
            out[1][channel] = edge_scaled(&c->scaling, &scale, sums.b, tail);
            out[2][channel] = edge_scaled(&c->scaling, &scale, sums.c, tail);
        }
    }
}

/* Add the sums in words [CHANNELS][WORDS] to totals [CHANNELS][PIXELS]. */
static void accumulate(const uint32_t *words, int32_t *totals)
{
    for (const uint32_t *const end = words + CHANNELS * WORDS; words != end; words += 2) {
        const edge_triple sums = edge_unpack(words[0], words[1]);
        *totals++ += sums.a;
        *totals++ += sums.b;
        *totals++ += sums.c;
    }
}

/* The words of the last of several segments of four channels. totals: bias and those before it. */
static void sum_segments(const window *w, const int8_t *weights, const int32_t *bias,
                         uint32_t *words, int32_t *totals)
{
    const int32_t nothing[CHANNELS] = {0, 0, 0, 0};
    const uint32_t *offsets = w->offsets;
    for (int32_t i = 0; i < CHANNELS * PIXELS; i++)
        totals[i] = bias[i / PIXELS];
    for (const uint32_t *x = w->taps; x != w->end; x += w->segment_words) {
        if (x != w->taps)
            accumulate(words, totals);
        edge_sum_block(x, x + w->segment_words, weights, nothing, words, offsets);
        offsets += EDGE_BLOCK_OFFSETS;
        weights += w->segment_words; /* a tap's words and channels are as many */
    }
}

/* All output channels of a gathered group. */
static void compute_group(const conv2d_blocks_s8_params *p, const window *w, const constants *c,
                          const group *g)
{
    const int8_t *weights = c->weights;
    for (int32_t first = 0; first < p->out_channels; first += CHANNELS) {
        uint32_t words[CHANNELS * WORDS];
        int32_t totals[CHANNELS * PIXELS];
        const int32_t left = p->out_channels - first;
        const int32_t end = first + (left < CHANNELS ? left : CHANNELS);
        const int32_t *earlier = NULL;
        if (p->segments == 1) {
            edge_sum_block(w->taps, w->end, weights, c->bias + first, words, w->offsets);
        } else {
            sum_segments(w, weights, c->bias + first, words, totals);
            earlier = totals;
        }
        if (p->tail == EDGE_RECTIFIED)
            finish(c, g, words, earlier, first, end, EDGE_RECTIFIED);
        else if (p->tail == EDGE_LINEAR)
            finish(c, g, words, earlier, first, end, EDGE_LINEAR);
        else
            finish(c, g, words, earlier, first, end, EDGE_ANY);
        weights += w->end - w->taps;
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

static int is_valid(const conv2d_blocks_s8_params *p, const edge_scaling *scaling)
{
    return p->in_height > 0 && p->in_width > 0 && p->in_channels > 0 && p->out_height > 0 &&
           p->out_width > 0 && p->out_channels > 0 && p->kernel_height > 0 &&
           p->kernel_width > 0 && p->stride_height > 0 && p->stride_width > 0 &&
           p->dilation_height > 0 && p->dilation_width > 0 && p->pad_top >= 0 &&
           p->pad_left >= 0 && edge_is_s8(p->in_zero_point) && p->segments > 0 &&
           p->segment_taps > 0 && p->segment_taps % EDGE_BLOCK_UNROLLED == 0 &&
           p->segment_taps * p->segments >=
               p->kernel_height * p->kernel_width * p->in_channels &&
           edge_is_scaling(scaling, p->tail);
}

static window window_in(const conv2d_blocks_s8_params *p, const int8_t *in, void *scratch)
{
    uint32_t *words = scratch;
    const int32_t row = p->kernel_width * p->in_channels;
    uint32_t *const end = words + WORDS * p->segments * p->segment_taps;
    uint32_t *const buffers = end + p->segments * EDGE_BLOCK_OFFSETS;
    const window found = {
        {in, p->in_height, p->in_width, p->in_channels, p->in_zero_point},
        words, end, end, (int8_t *)buffers, row, WORDS * p->segment_taps,
    };
    for (words += WORDS * p->kernel_height * row; words != end; words++)
        *words = 0;
    return found;
}

int conv2d_blocks_s8(const conv2d_blocks_s8_params *p, const int8_t *in, const int8_t *weights,
                     const int32_t *bias, const int32_t *multipliers, const int8_t *shifts,
                     void *scratch, int8_t *out)
{
    if (!p || !in || !weights || !bias || !multipliers || !shifts || !scratch || !out)
        return EDGE_BAD_ARG;
    const edge_scaling scaling = {p->out_zero_point, p->out_min, p->out_max, p->split, p->limit, 2};
    if (!is_valid(p, &scaling))
        return EDGE_BAD_ARG;
    const window found = window_in(p, in, scratch);
    const constants all = {weights, bias, multipliers, shifts, scaling};
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
