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

/* The means of windows from their sums, halves rounded away from zero. */
static EDGE_NOINLINE int8_t *finish(const window *w, const int32_t *sums, int32_t channels,
                                    int8_t *out)
{
    const int32_t count = w->rows * w->columns, half = count / 2;
    for (; channels > 0; channels--) {
        const int32_t sum = *sums++;
        *out++ = (int8_t)edge_clamp((sum + (sum > 0 ? half : -half)) / count, w->low, w->high);
    }
    return out;
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
    for (; channels >= 8 && w->columns < 256; channels -= 8, in += 8) {
        int32_t sums[8] = {0, 0, 0, 0, 0, 0, 0, 0};
        for (int32_t y = 0; y < w->rows; y++)
            edge_add_eight(in + y * w->row, w->columns, w->pitch, sums);
        out = finish(w, sums, 8, out);
    }
    for (; channels >= 4; channels -= 4, in += 4) {
        int32_t sums[4] = {0, 0, 0, 0};
        sum_words(w, in, sums);
        out = finish(w, sums, 4, out);
    }
    for (; channels > 0; channels--) {
        const int32_t sum = sum_bytes(w, in++);
        out = finish(w, &sum, 1, out);
    }
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
