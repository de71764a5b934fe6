#include "conv2d_mve_s8.h"

#include "edge_mve_dot.h"

#define PIXELS EDGE_DOT_PIXELS

/* A kernel row is read in runs: stretches of taps that lie side by side in the input. */
typedef struct {
    const conv2d_mve_s8_params *p;
    const int8_t *in;
    int32_t row;      /* bytes of an input row */
    int32_t run_taps; /* the whole kernel row, or 1 where taps are dilated */
    int32_t runs;     /* in a kernel row */
} image;

/* The taps of a run at column x: left of the image, within it, right of it. */
static int8_t *stage_run(const image *im, const int8_t *row, int32_t x, int8_t *to)
{
    const int32_t channels = im->p->in_channels, zero_point = im->p->in_zero_point;
    const int32_t left = edge_clamp(-x, 0, im->run_taps);
    const int32_t end = edge_clamp(im->p->in_width - x, left, im->run_taps);
    if (left > 0)
        to = edge_fill(to, zero_point, left * channels);
    if (end > left)
        to = edge_copy(to, row + (x + left) * channels, (end - left) * channels);
    if (end < im->run_taps)
        to = edge_fill(to, zero_point, (im->run_taps - end) * channels);
    return to;
}

/* Whether the window's rows are runs within the image. */
static int is_inside(const image *im, int32_t y, int32_t x)
{
    const conv2d_mve_s8_params *p = im->p;
    return im->runs == 1 && y >= 0 && x >= 0 && x + im->run_taps <= p->in_width &&
           y + (p->kernel_height - 1) * p->dilation_height < p->in_height;
}

static void copy_window(const image *im, const int8_t *from, int8_t *to)
{
    const int32_t bytes = im->run_taps * im->p->in_channels;
    const int32_t step = im->p->dilation_height * im->row;
    for (int32_t left = im->p->kernel_height; left > 0; left--, from += step)
        to = edge_copy(to, from, bytes);
}

/* The taps of the window whose first tap is at (y, x), side by side. */
static void stage_window(const image *im, int32_t y, int32_t x, int8_t *to)
{
    const conv2d_mve_s8_params *p = im->p;
    if (is_inside(im, y, x)) {
        copy_window(im, im->in + y * im->row + x * p->in_channels, to);
        return;
    }
    for (int32_t tap_y = 0; tap_y < p->kernel_height; tap_y++, y += p->dilation_height) {
        if (y < 0 || y >= p->in_height) {
            to = edge_fill(to, p->in_zero_point, p->kernel_width * p->in_channels);
            continue;
        }
        const int8_t *row = im->in + y * im->row;
        for (int32_t run = 0; run < im->runs; run++)
            to = stage_run(im, row, x + run * p->dilation_width, to);
    }
}

static void stage_pixel(const image *im, int32_t pixel, int8_t *to)
{
    const conv2d_mve_s8_params *p = im->p;
    const int32_t out_y = pixel / p->out_width, out_x = pixel - out_y * p->out_width;
    stage_window(im, out_y * p->stride_height - p->pad_top,
                 out_x * p->stride_width - p->pad_left, to);
}

static int is_pointwise(const conv2d_mve_s8_params *p)
{
    return p->kernel_height == 1 && p->kernel_width == 1 && p->stride_height == 1 &&
           p->stride_width == 1 && p->pad_top == 0 && p->pad_left == 0 &&
           p->in_height == p->out_height && p->in_width == p->out_width;
}

static int is_valid(const conv2d_mve_s8_params *p)
{
    return p->in_height > 0 && p->in_width > 0 && p->in_channels > 0 && p->out_height > 0 &&
           p->out_width > 0 && p->out_channels > 0 && p->kernel_height > 0 &&
           p->kernel_width > 0 && p->stride_height > 0 && p->stride_width > 0 &&
           p->dilation_height > 0 && p->dilation_width > 0 && p->pad_top >= 0 &&
           p->pad_left >= 0 && edge_is_s8(p->in_zero_point) && edge_is_s8(p->out_zero_point) &&
           edge_is_s8(p->out_min) && edge_is_s8(p->out_max) && p->out_min <= p->out_max;
}

int conv2d_mve_s8(const conv2d_mve_s8_params *p, const int8_t *in, const uint32_t *weights,
                  int8_t *out, void *scratch)
{
    if (!p || !in || !weights || !out || !scratch || !is_valid(p))
        return EDGE_BAD_ARG;
    const int is_dilated = p->dilation_width > 1;
    const image im = {p, in, p->in_width * p->in_channels, is_dilated ? 1 : p->kernel_width,
                      is_dilated ? p->kernel_width : 1};
    const int32_t depth = p->kernel_height * p->kernel_width * p->in_channels;
    const int32_t pixels = p->out_height * p->out_width;
    const int is_direct = is_pointwise(p);
    int8_t *const staged = scratch;
    edge_dot_block block = {{staged, staged + depth}, {out, out}, 0, 0, 0, p->tail,
                            p->out_zero_point, p->out_channels, p->out_min, p->out_max};
    edge_dot_set_depth(&block, depth);
    for (int32_t pixel = 0; pixel < pixels; pixel += PIXELS) {
        for (int32_t j = 0; j < PIXELS; j++) { /* an odd one out is computed twice */
            const int32_t index = pixel + j < pixels ? pixel + j : pixel;
            block.out[j] = out + index * p->out_channels;
            if (is_direct)
                block.pixels[j] = in + index * depth;
            else
                stage_pixel(&im, index, staged + j * depth);
        }
        edge_dot_2x4(&block, weights);
    }
    return EDGE_OK;
}
