#include "max_pool2d_s8.h"

#include "edge_dsp_bytes.h"
#include "edge_window.h"

#define LEAST 0x80808080u /* -128 four times */

static int is_valid(const max_pool2d_s8_params *p)
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
} window;

/* 16 channels. */
static void max_of_4_words(const window *w, const int8_t *in, int8_t *out)
{
    const int32_t pitch = w->pitch, columns = w->columns, back = w->row - columns * pitch;
    uint32_t a = LEAST, b = LEAST, c = LEAST, d = LEAST;
    for (int32_t rows = w->rows; rows > 0; rows--, in += back) {
        for (int32_t left = columns; left > 0; left--, in += pitch) {
            a = edge_max_bytes(a, edge_load_word(in));
            b = edge_max_bytes(b, edge_load_word(in + 4));
            c = edge_max_bytes(c, edge_load_word(in + 8));
            d = edge_max_bytes(d, edge_load_word(in + 12));
        }
    }
    edge_store_word(out, a);
    edge_store_word(out + 4, b);
    edge_store_word(out + 8, c);
    edge_store_word(out + 12, d);
}

/* 4 channels. */
static void max_of_word(const window *w, const int8_t *in, int8_t *out)
{
    const int32_t pitch = w->pitch, columns = w->columns, back = w->row - columns * pitch;
    uint32_t best = LEAST;
    for (int32_t rows = w->rows; rows > 0; rows--, in += back)
        for (int32_t left = columns; left > 0; left--, in += pitch)
            best = edge_max_bytes(best, edge_load_word(in));
    edge_store_word(out, best);
}

static int8_t max_of_bytes(const window *w, const int8_t *in)
{
    int8_t best = INT8_MIN;
    for (int32_t y = 0; y < w->rows; y++)
        for (int32_t x = 0; x < w->columns; x++) {
            const int8_t value = in[y * w->row + x * w->pitch];
            best = value > best ? value : best;
        }
    return best;
}

static int8_t *pool(const window *w, int32_t channels, int8_t *out)
{
    const int8_t *in = w->in;
    for (; channels >= 16; channels -= 16, in += 16, out += 16)
        max_of_4_words(w, in, out);
    for (; channels >= 4; channels -= 4, in += 4, out += 4)
        max_of_word(w, in, out);
    for (; channels > 0; channels--)
        *out++ = max_of_bytes(w, in++);
    return out;
}

int max_pool2d_s8(const max_pool2d_s8_params *p, const int8_t *in, int8_t *out)
{
    if (!p || !in || !out || !is_valid(p))
        return EDGE_BAD_ARG;
    int8_t *to = out;
    for (int32_t y = 0; y < p->out_height; y++) {
        const edge_span rows = edge_window(
            y * p->stride_height - p->pad_top, p->kernel_height, p->in_height);
        for (int32_t x = 0; x < p->out_width; x++) {
            const edge_span columns = edge_window(
                x * p->stride_width - p->pad_left, p->kernel_width, p->in_width);
            const window w = {in + (rows.begin * p->in_width + columns.begin) * p->channels,
                              rows.end - rows.begin, columns.end - columns.begin,
                              p->in_width * p->channels, p->channels};
            to = pool(&w, p->channels, to);
        }
    }
    for (int8_t *byte = out; (p->low > -128 || p->high < 127) && byte != to; byte++)
        *byte = (int8_t)edge_clamp(*byte, p->low, p->high);
    return EDGE_OK;
}
