#include "average_pool2d_s8.h"

#include "edge_dsp_bytes.h"
#include "edge_window.h"

static int is_valid(const average_pool2d_s8_params *p)
{
    return p->channels > 0 && p->low <= p->high
        && edge_windows_meet(
            p->in_height, p->kernel_height, p->stride_height, p->pad_top, p->out_height)
        && edge_windows_meet(
            p->in_width, p->kernel_width, p->stride_width, p->pad_left, p->out_width);
}

/* A window: pixels `pitch` bytes apart, rows `row` bytes apart. */
typedef struct {
    const int8_t *in;
    int32_t rows, columns, row, pitch;
    int32_t low, high;
} window;

/* One row, where rows follow each other without a gap. */
static window joined(window w)
{
    if (w.row == w.columns * w.pitch) {
        w.columns *= w.rows;
        w.rows = 1;
    }
    return w;
}

static int8_t finish(const window *w, int32_t sum)
{
    const int32_t count = w->rows * w->columns;
    const int32_t half = sum > 0 ? count / 2 : -(count / 2);
    return (int8_t)edge_clamp((sum + half) / count, w->low, w->high);
}

static void sum_words(const window *w, const int8_t *in, int32_t sums[4])
{
    for (int32_t rows = w->rows; rows > 0; rows--, in += w->row)
        edge_add_pixels(in, w->columns, w->pitch, sums);
}

static int32_t sum_bytes(const window *w, const int8_t *in)
{
    int32_t sum = 0;
    for (int32_t y = 0; y < w->rows; y++)
        for (int32_t x = 0; x < w->columns; x++)
            sum += in[y * w->row + x * w->pitch];
    return sum;
}

static int8_t *pool(const window *w, int32_t channels, int8_t *out)
{
    const int8_t *in = w->in;
    for (; channels >= 4; channels -= 4, in += 4) {
        int32_t sums[4] = {0, 0, 0, 0};
        sum_words(w, in, sums);
        for (int32_t i = 0; i < 4; i++)
            *out++ = finish(w, sums[i]);
    }
    for (; channels > 0; channels--)
        *out++ = finish(w, sum_bytes(w, in++));
    return out;
}

int average_pool2d_s8(const average_pool2d_s8_params *p, const int8_t *in, int8_t *out)
{
    if (!p || !in || !out || !is_valid(p))
        return EDGE_BAD_ARG;
    for (int32_t y = 0; y < p->out_height; y++) {
        const edge_span rows = edge_window(
            y * p->stride_height - p->pad_top, p->kernel_height, p->in_height);
        for (int32_t x = 0; x < p->out_width; x++) {
            const edge_span columns = edge_window(
                x * p->stride_width - p->pad_left, p->kernel_width, p->in_width);
            const window w = {in + (rows.begin * p->in_width + columns.begin) * p->channels,
                              rows.end - rows.begin, columns.end - columns.begin,
                              p->in_width * p->channels, p->channels, p->low, p->high};
            const window whole = joined(w);
            out = pool(&whole, p->channels, out);
        }
    }
    return EDGE_OK;
}
