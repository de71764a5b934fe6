#include "edge_dsp_columns.h"

#include "edge_dsp_gather.h"

#define PIXELS EDGE_PIXELS

static const int8_t *address(const edge_dsp_image *im, edge_corner at)
{
    return im->in + (at.y * im->row + at.x * im->p->in_channels);
}

/* The last bytes of each of the windows' rows, side by side. */
static void copy_rests(const edge_dsp_image *im, const int8_t *const *windows, int32_t row)
{
    const int32_t bytes = im->run & 3, step = row - bytes;
    for (int32_t j = 0; j < PIXELS; j++) {
        const int8_t *from = windows[j] + (im->run & ~3);
        int8_t *to = im->rests + j * im->rest;
        for (int32_t rows = im->p->kernel_height; rows > 0; rows--, from += step)
            for (int32_t left = bytes; left > 0; left--)
                *to++ = *from++;
    }
}

/* Windows whose rows lie whole in memory, row bytes from one to the next. */
static void gather_windows(const edge_dsp_image *im, const int8_t *const *windows, int32_t row)
{
    uint32_t *columns = im->columns;
    if (im->run >= 4)
        columns = edge_widen_3(columns, windows, im->run / 4, im->p->kernel_height, row);
    if (im->rest) {
        const int8_t *rests[PIXELS] = {im->rests, im->rests + im->rest, im->rests + 2 * im->rest};
        copy_rests(im, windows, row);
        edge_widen_3(columns, rests, im->rest / 4, 1, 0);
    }
}

/* A row of the kernel, tap by tap; those beside the image read zero points.
 * from: the first tap of each pixel, NULL above and below the image. */
static uint32_t *gather_taps(const edge_dsp_image *im, const edge_corner *at,
                             const int8_t *const *from, uint32_t *columns)
{
    const edge_dsp_conv2d_params *p = im->p;
    int32_t right = 0;
    for (int32_t tap = 0; tap < p->kernel_width; tap++, right += p->dilation_width) {
        const int8_t *taps[PIXELS];
        const int32_t offset = right * p->in_channels;
        for (int32_t j = 0; j < PIXELS; j++) {
            const int is_inside = (uint32_t)(at[j].x + right) < (uint32_t)p->in_width;
            taps[j] = from[j] && is_inside ? from[j] + offset : im->aside;
        }
        columns = edge_widen_3(columns, taps, p->in_channels / 4, 1, 0);
    }
    return columns;
}

/* Channels fill words: rows of the kernel that lie above or below the image are zero points. */
static void gather_border(const edge_dsp_image *im, const edge_corner *at)
{
    const edge_dsp_conv2d_params *p = im->p;
    const int32_t step = p->dilation_height * im->row;
    uint32_t *columns = im->columns;
    int32_t down = 0, offset = 0;
    int is_run = p->dilation_width == 1;
    for (int32_t j = 0; j < PIXELS; j++)
        is_run &= (uint32_t)at[j].x < im->inside_x;
    for (int32_t tap = 0; tap < p->kernel_height; tap++) {
        const int8_t *from[PIXELS], *instead = is_run ? im->aside : NULL;
        for (int32_t j = 0; j < PIXELS; j++) {
            const int is_inside = (uint32_t)(at[j].y + down) < (uint32_t)p->in_height;
            from[j] = is_inside ? address(im, at[j]) + offset : instead;
        }
        columns = is_run ? edge_widen_3(columns, from, im->run / 4, 1, 0)
                         : gather_taps(im, at, from, columns);
        down += p->dilation_height;
        offset += step;
    }
}

static void gather_staged(const edge_dsp_image *im, const edge_corner *at)
{
    const int8_t *windows[PIXELS];
    for (int32_t j = 0; j < PIXELS; j++) {
        windows[j] = im->aside + j * im->depth;
        edge_stage_window(im->p, im->in, at[j], im->aside + j * im->depth);
    }
    gather_windows(im, windows, im->run);
}

void edge_gather_columns(const edge_dsp_image *im, const edge_corner *at)
{
    int is_inside = im->p->dilation_width == 1;
    for (int32_t j = 0; j < PIXELS && !im->p->is_padded; j++)
        is_inside &= (uint32_t)at[j].y < im->inside_y && (uint32_t)at[j].x < im->inside_x;
    if (is_inside) {
        const int8_t *windows[PIXELS] = {address(im, at[0]), address(im, at[1]),
                                         address(im, at[2])};
        gather_windows(im, windows, im->p->dilation_height * im->row);
    } else if (im->p->in_channels % 4 == 0) {
        gather_border(im, at);
    } else {
        gather_staged(im, at);
    }
}

void edge_gather_pixels(const edge_dsp_image *im, int32_t pixel)
{
    const int32_t bytes = im->p->in_channels;
    const int8_t *const first = im->in + pixel * bytes;
    const int8_t *const pixels[PIXELS] = {first, first + bytes, first + 2 * bytes};
    edge_widen_3(im->columns, pixels, bytes / 4, 1, 0);
}

edge_dsp_image edge_dsp_image_of(const edge_dsp_conv2d_params *p, const int8_t *in, void *scratch,
                                 int8_t **end)
{
    const int32_t run = p->kernel_width * p->in_channels;
    const int32_t depth = (p->kernel_height * run + 3) & ~3;
    const int32_t below = (p->kernel_height - 1) * p->dilation_height;
    const int32_t right = (p->kernel_width - 1) * p->dilation_width;
    int8_t *aside = (int8_t *)scratch + 2 * PIXELS * depth;
    const edge_dsp_image im = {
        .p = p,
        .in = in,
        .columns = scratch,
        .aside = aside,
        .rests = aside + PIXELS * depth,
        .depth = depth,
        .row = p->in_width * p->in_channels,
        .run = run,
        .rest = (p->kernel_height * (run & 3) + 3) & ~3,
        .inside_y = (uint32_t)edge_clamp(p->in_height - below, 0, p->in_height),
        .inside_x = (uint32_t)edge_clamp(p->in_width - right, 0, p->in_width),
    };
    if (p->in_channels % 4 == 0)
        *end = edge_fill(aside, p->in_zero_point, run);
    else
        *end = edge_fill(im.rests, 0, PIXELS * im.rest);
    return im;
}
