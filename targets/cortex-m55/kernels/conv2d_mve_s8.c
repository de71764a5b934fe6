#include "conv2d_mve_s8.h"

#include <arm_mve.h>

#include "edge_mve_dot.h"

/* Windows side by side, column by column: [column][kernel_height][in_channels]. */
typedef struct {
    const conv2d_mve_s8_params *p;
    const int8_t *in;
    int8_t *taps;
    int32_t column;    /* bytes */
    int32_t step;      /* bytes from a window to the next */
    int32_t is_shared; /* windows overlap */
    int32_t together;  /* columns whose taps of one row a vector scatters; 0: one by one */
    uint8_t offsets[EDGE_VECTOR];
} strip;

/* Taps of some rows and columns of the kernel, in the image and in the strip. */
typedef struct {
    const int8_t *from;
    int8_t *to;
    int32_t columns, from_column, to_column; /* bytes from a column to the next */
    int32_t rows, from_row, to_row;
} block;

/* A row of columns of few channels: several by each scatter. */
static void copy_together(const strip *s, const block *b, const int8_t *from, int8_t *to)
{
    const int32_t channels = s->p->in_channels, bytes = s->together * channels;
    const uint8x16_t offsets = vldrbq_u8(s->offsets);
    for (int32_t left = b->columns * channels; left > 0; left -= bytes) {
        const mve_pred16_t lanes = vctp8q((uint32_t)(left < bytes ? left : bytes));
        const int8x16_t taps = vldrbq_z_s8(from, lanes);
        vstrbq_scatter_offset_p_s8(to, offsets, taps, lanes);
        from += bytes;
        to += s->together * b->to_column;
    }
}

/* A row of columns, up to 16 channels of each. */
static inline void copy_vectors(const block *b, int32_t channels, const int8_t *from, int8_t *to)
{
    __asm__ volatile(
        "vctp.8 %[channels]\n"
        "wls lr, %[columns], 2f\n"
        "1: vpstt\n"
        "vldrbt.8 q0, [%[from]]\n"
        "vstrbt.8 q0, [%[to]]\n"
        "add %[from], %[from], %[from_column]\n"
        "add %[to], %[to], %[to_column]\n"
        "le lr, 1b\n"
        "2:\n"
        : [from] "+l"(from), [to] "+l"(to)
        : [channels] "r"(channels), [columns] "r"(b->columns), [from_column] "r"(b->from_column),
          [to_column] "r"(b->to_column)
        : "q0", "lr", "memory");
}

EDGE_OPAQUE static void copy_block(const strip *s, const block *b)
{
    const int8_t *from = b->from;
    int8_t *to = b->to;
    for (int32_t row = b->rows; row > 0; row--, from += b->from_row, to += b->to_row) {
        if (s->together > 0) {
            copy_together(s, b, from, to);
            continue;
        }
        const int32_t channels = s->p->in_channels;
        for (int32_t done = 0; done < channels; done += EDGE_VECTOR)
            copy_vectors(b, channels - done, from + done, to + done);
    }
}

typedef struct {
    int32_t first, end;
} span;

/* Which of the places x, x + step, ... lie in 0..size - 1. */
static inline span find_inside(int32_t x, int32_t step, int32_t places, int32_t size)
{
    const int32_t behind = size - x + step - 1;
    const span found = {x < 0 ? (step - 1 - x) / step : 0,
                        behind < places * step ? behind / step : places};
    return found;
}

/* The block b of a window's rows, the first at y, and of columns that begin at x. */
static void stage_block(const strip *s, span rows, int32_t y, int32_t x, int32_t x_step, block b)
{
    const conv2d_mve_s8_params *p = s->p;
    const span columns = find_inside(x, x_step, b.columns, p->in_width);
    const int32_t first_y = y + rows.first * p->dilation_height;
    const int32_t first_x = x + columns.first * x_step;
    if (columns.end <= columns.first || rows.end <= rows.first)
        return;
    b.from = s->in + (first_y * p->in_width + first_x) * p->in_channels;
    b.to += columns.first * b.to_column + rows.first * b.to_row;
    b.columns = columns.end - columns.first;
    b.rows = rows.end - rows.first;
    copy_block(s, &b);
}

static int is_inside(const strip *s, int32_t y, int32_t x, int32_t count)
{
    const conv2d_mve_s8_params *p = s->p;
    const int32_t last_y = y + (p->kernel_height - 1) * p->dilation_height;
    const int32_t last_x =
        x + (count - 1) * p->stride_width + (p->kernel_width - 1) * p->dilation_width;
    return y >= 0 && x >= 0 && last_y < p->in_height && last_x < p->in_width;
}

/* Puts the windows of count pixels of a row, the first at (y, x), side by side. */
static void stage(const strip *s, int32_t y, int32_t x, int32_t count)
{
    const conv2d_mve_s8_params *p = s->p;
    if (!is_inside(s, y, x, count))
        edge_fill(s->taps, p->in_zero_point, (count - 1) * s->step + p->kernel_width * s->column);
    const span rows = find_inside(y, p->dilation_height, p->kernel_height, p->in_height);
    const int32_t from_row = p->dilation_height * p->in_width * p->in_channels;
    block b = {s->in, s->taps, count, p->stride_width * p->in_channels, s->step,
               0, from_row, p->in_channels};
    if (s->is_shared) {
        b.columns = (count - 1) * p->stride_width + p->kernel_width;
        b.from_column = p->in_channels;
        b.to_column = s->column;
        stage_block(s, rows, y, x, 1, b);
        return;
    }
    for (int32_t tap = 0; tap < p->kernel_width; tap++) {
        stage_block(s, rows, y, x + tap * p->dilation_width, p->stride_width, b);
        b.to += s->column;
    }
}

static void choose_together(strip *s)
{
    const int32_t channels = s->p->in_channels;
    const int32_t fit = EDGE_VECTOR / channels, reach = (256 - channels) / s->column + 1;
    s->together = fit < reach ? fit : reach;
    if (!s->is_shared || channels > 4 || s->together < 2) {
        s->together = 0;
        return;
    }
    for (int32_t i = 0; i < s->together * channels; i++)
        s->offsets[i] = (uint8_t)(i / channels * s->column + i % channels);
}

static void convolve_staged(const conv2d_mve_s8_params *p, const edge_dot_layer *layer,
                            const int8_t *in, int8_t *out, void *scratch)
{
    strip s = {p, in, scratch, p->kernel_height * p->in_channels, 0, 0, 0, {0}};
    s.is_shared = p->dilation_width == 1 && p->stride_width < p->kernel_width;
    s.step = s.column * (s.is_shared ? p->stride_width : p->kernel_width);
    choose_together(&s);
    for (int32_t out_y = 0; out_y < p->out_height; out_y++) {
        const int32_t y = out_y * p->stride_height - p->pad_top;
        for (int32_t out_x = 0; out_x < p->out_width; out_x += p->run) {
            const int32_t left = p->out_width - out_x, count = left < p->run ? left : p->run;
            stage(&s, y, out_x * p->stride_width - p->pad_left, count);
            const edge_dot_run run = {s.taps, s.step, out, count};
            edge_dot(layer, &run);
            out += count * p->out_channels;
        }
    }
}

static void convolve_in_place(const conv2d_mve_s8_params *p, const edge_dot_layer *layer,
                              const int8_t *in, int8_t *out)
{
    const int32_t row = p->in_width * p->in_channels, step = p->stride_width * p->in_channels;
    const int32_t is_one_run = p->stride_height == 1 && row == p->out_width * step;
    const int32_t runs = is_one_run ? 1 : p->out_height;
    edge_dot_run run = {in, step, out, p->out_height * p->out_width / runs};
    for (int32_t left = runs; left > 0; left--) {
        edge_dot(layer, &run);
        run.pixels += p->stride_height * row;
        run.out += p->out_width * p->out_channels;
    }
}

static int is_valid(const conv2d_mve_s8_params *p)
{
    return p->in_height > 0 && p->in_width > 0 && p->in_channels > 0 && p->out_height > 0 &&
           p->out_width > 0 && p->out_channels > 0 && p->kernel_height > 0 &&
           p->kernel_width > 0 && p->stride_height > 0 && p->stride_width > 0 &&
           p->dilation_height > 0 && p->dilation_width > 0 && p->pad_top >= 0 &&
           p->pad_left >= 0 && edge_is_s8(p->in_zero_point) && edge_is_s8(p->out_zero_point) &&
           edge_is_s8(p->out_min) && edge_is_s8(p->out_max) && p->out_min <= p->out_max &&
           p->depth >= EDGE_VECTOR && p->run >= 0 && p->run <= p->out_width;
}

int conv2d_mve_s8(const conv2d_mve_s8_params *p, const int8_t *in, const uint32_t *weights,
                  int8_t *out, void *scratch)
{
    if (!p || !in || !weights || !out || !scratch || !is_valid(p))
        return EDGE_BAD_ARG;
    edge_dot_layer layer = {weights, 0, 0, 0, p->tail, p->out_channels, p->out_zero_point,
                            p->out_min, p->out_max, 0};
    edge_dot_set_depth(&layer, p->depth);
    if (p->run > 0)
        convolve_staged(p, &layer, in, out, scratch);
    else
        convolve_in_place(p, &layer, in, out);
    return EDGE_OK;
}
