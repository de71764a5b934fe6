#include "average_pool2d_s8.h"
#include "edge_window.h"

static int is_valid(const average_pool2d_s8_params *p)
{
    return p->channels > 0 && p->low <= p->high
        && edge_windows_meet(
            p->in_height, p->kernel_height, p->stride_height, p->pad_top, p->out_height)
        && edge_windows_meet(
            p->in_width, p->kernel_width, p->stride_width, p->pad_left, p->out_width);
}

/* The part of a window that lies in the image, steps in elements. */
typedef struct {
    int32_t rows, columns, row_step, step;
} taps;

/* in: the first tap of one channel. */
static int32_t sum_of(const taps *window, const int8_t *in)
{
    const int32_t step = window->step, columns = window->columns;
    int32_t sum = 0;
    for (int32_t row = window->rows; row > 0; row--, in += window->row_step) {
        const int8_t *tap = in;
        for (int32_t column = columns; column > 0; column--, tap += step)
            sum += *tap;
    }
    return sum;
}

/* All channels of one pixel. */
static void pool_pixel(const average_pool2d_s8_params *p, const int8_t *in, edge_span rows,
                       edge_span columns, int8_t *out)
{
    const int32_t row_step = p->in_width * p->channels;
    const taps window = {
        rows.end - rows.begin, columns.end - columns.begin, row_step, p->channels,
    };
    const int32_t count = window.rows * window.columns;
    const int32_t low = p->low, high = p->high;
    in += rows.begin * row_step + columns.begin * p->channels;
    for (const int8_t *const end = out + p->channels; out != end; in++) {
        const int32_t sum = sum_of(&window, in);
        const int32_t half = sum > 0 ? count / 2 : -(count / 2);
        *out++ = (int8_t)edge_clamp((sum + half) / count, low, high);
    }
}

int average_pool2d_s8(const average_pool2d_s8_params *p, const int8_t *in, int8_t *out)
{
    if (!p || !in || !out || !is_valid(p)) {
        return EDGE_BAD_ARG;
    }
    for (int32_t y = 0; y < p->out_height; y++) {
        const edge_span rows = edge_window(
            y * p->stride_height - p->pad_top, p->kernel_height, p->in_height);
        for (int32_t x = 0; x < p->out_width; x++) {
            const edge_span columns = edge_window(
                x * p->stride_width - p->pad_left, p->kernel_width, p->in_width);
            pool_pixel(p, in, rows, columns, out);
            out += p->channels;
        }
    }
    return EDGE_OK;
}
