#include "edge_dsp_conv2d.h"

#include "edge_dsp_gather.h"
#include "edge_dsp_stage.h"

#define PIXELS EDGE_PIXELS

typedef struct {
    const edge_dsp_conv2d_params *p;
    const int8_t *in;
    uint32_t *columns;
    int8_t *aside;      /* taps of 3 pixels, or where channels fill words: a row of zero points */
    int32_t row;        /* bytes of an input row */
    int32_t run;        /* bytes of a kernel row that lie side by side in the input */
    int32_t depth;
    uint32_t inside_y, inside_x; /* windows whose corner is below these lie in the image */
} image;

static const int8_t *address(const image *im, edge_corner at)
{
    return im->in + (at.y * im->row + at.x * im->p->in_channels);
}

static void gather_inside(const image *im, const edge_corner *at)
{
    const int8_t *from[PIXELS];
    for (int32_t j = 0; j < PIXELS; j++)
        from[j] = address(im, at[j]);
    edge_widen_3(im->columns, from, im->run / 4, im->p->kernel_height,
                 im->p->dilation_height * im->row);
}

/* A row of the kernel, tap by tap; those beside the image read zero points.
 * from: the first tap of each pixel, NULL above and below the image. */
static uint32_t *gather_taps(const image *im, const edge_corner *at, const int8_t *const *from,
                             uint32_t *columns)
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
static void gather_border(const image *im, const edge_corner *at)
{
    const edge_dsp_conv2d_params *p = im->p;
    const int32_t step = p->dilation_height * im->row;
    uint32_t *columns = im->columns;
    int32_t down = 0, offset = 0;
    int is_run = im->run == p->kernel_width * p->in_channels;
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

static void gather_staged(const image *im, const edge_corner *at)
{
    const int8_t *from[PIXELS];
    for (int32_t j = 0; j < PIXELS; j++) {
        from[j] = im->aside + j * im->depth;
        edge_stage_window(im->p, im->in, at[j], im->aside + j * im->depth);
    }
    edge_widen_3(im->columns, from, im->depth / 4, 1, 0);
}

static void gather(const image *im, const edge_corner *at)
{
    int inside = im->run % 4 == 0 && im->run == im->p->kernel_width * im->p->in_channels;
    for (int32_t j = 0; j < PIXELS; j++)
        inside &= (uint32_t)at[j].y < im->inside_y && (uint32_t)at[j].x < im->inside_x;
    if (inside)
        gather_inside(im, at);
    else if (im->p->in_channels % 4 == 0)
        gather_border(im, at);
    else
        gather_staged(im, at);
}

typedef struct {
    int32_t left; /* pixels of this row */
    edge_corner at;
} place;

static place place_of(const edge_dsp_conv2d_params *p, int32_t pixel)
{
    const int32_t y = pixel / p->out_width, x = pixel - y * p->out_width;
    const place found = {p->out_width - x, {y * p->stride_height - p->pad_top,
                                            x * p->stride_width - p->pad_left}};
    return found;
}

/* The corners of PIXELS pixels from the place on, which moves; past the last one it is repeated. */
static void find_corners(const edge_dsp_conv2d_params *p, place *next, int32_t pixels,
                         edge_corner *at)
{
    for (int32_t j = 0; j < PIXELS; j++) {
        at[j] = next->at;
        if (j + 1 >= pixels && pixels < PIXELS)
            continue;
        next->at.x += p->stride_width;
        if (--next->left == 0) {
            next->left = p->out_width;
            next->at.x = -p->pad_left;
            next->at.y += p->stride_height;
        }
    }
}

/* Channel by channel with any multiplier and shift. */
static void finish_sums(const edge_dsp_conv2d_params *p, edge_dot_block *block,
                        const uint32_t *weights, edge_dot *dot)
{
    int8_t *out = block->out;
    const int32_t stride = block->out_stride;
    int32_t sums[2][PIXELS];
    block->out = sums;
    for (int32_t channel = 0; channel < p->out_channels; channel++) {
        const int32_t second = channel & 1;
        if (!second)
            weights = dot(block, weights);
        const int32_t multiplier = (int32_t)weights[second - EDGE_SCALE_WORDS];
        const int32_t shift = ((const int8_t *)(weights - 1))[second];
        for (int32_t j = 0; j < PIXELS; j++) {
            const int32_t scaled =
                edge_multiply_double_rounding(sums[second][j], multiplier, shift);
            out[j * stride + channel] =
                (int8_t)edge_clamp(scaled + p->out_zero_point, -128, 127);
        }
    }
    block->out = out;
}

static int is_valid(const edge_dsp_conv2d_params *p)
{
    return p->in_height > 0 && p->in_width > 0 && p->in_channels > 0 && p->out_height > 0 &&
           p->out_width > 0 && p->out_channels > 0 && p->kernel_height > 0 &&
           p->kernel_width > 0 && p->stride_height > 0 && p->stride_width > 0 &&
           p->dilation_height > 0 && p->dilation_width > 0 && p->pad_top >= 0 &&
           p->pad_left >= 0 && edge_is_s8(p->in_zero_point) && edge_is_s8(p->out_zero_point) &&
           edge_is_s8(p->out_min) && edge_is_s8(p->out_max) && p->out_min <= p->out_max &&
           p->tail >= EDGE_TAIL_RECTIFIED && p->tail <= EDGE_TAIL_SUMS;
}

static image image_of(const edge_dsp_conv2d_params *p, const int8_t *in, void *scratch)
{
    const int32_t row_taps = p->dilation_width > 1 ? 1 : p->kernel_width;
    const int32_t depth = (p->kernel_height * p->kernel_width * p->in_channels + 3) & ~3;
    const int32_t below = (p->kernel_height - 1) * p->dilation_height;
    const int32_t right = (p->kernel_width - 1) * p->dilation_width;
    const image im = {
        .p = p,
        .in = in,
        .columns = scratch,
        .aside = (int8_t *)scratch + 2 * PIXELS * depth,
        .row = p->in_width * p->in_channels,
        .run = row_taps * p->in_channels,
        .depth = depth,
        .inside_y = (uint32_t)edge_clamp(p->in_height - below, 0, p->in_height),
        .inside_x = (uint32_t)edge_clamp(p->in_width - right, 0, p->in_width),
    };
    return im;
}

int edge_dsp_conv2d(const edge_dsp_conv2d_params *p, const int8_t *in, const uint32_t *weights,
                    int8_t *out, void *scratch, edge_dot *dot)
{
    if (!p || !in || !weights || !out || !scratch || !is_valid(p))
        return EDGE_BAD_ARG;
    const image im = image_of(p, in, scratch);
    const int32_t pixels = p->out_height * p->out_width;
    const int32_t even_channels = (p->out_channels + 1) & ~1;
    const int is_direct = even_channels == p->out_channels && pixels >= PIXELS;
    const int is_clamped = p->out_min > -128 || p->out_max < 127;
    const int32_t row_bytes = p->kernel_width * p->in_channels;
    int8_t *aside = im.aside + (p->in_channels % 4 ? PIXELS * im.depth : row_bytes);
    edge_dot_block block = edge_dot_block_of(im.columns, im.depth, p->tail, p->out_zero_point);
    block.out_stride = even_channels;
    if (p->in_channels % 4 == 0)
        edge_fill(im.aside, p->in_zero_point, row_bytes);
    place next = place_of(p, 0);
    for (int32_t pixel = 0; pixel < pixels; pixel += PIXELS) {
        edge_corner at[PIXELS];
        if (is_direct && pixel > pixels - PIXELS) {
            pixel = pixels - PIXELS; /* the last ones again */
            next = place_of(p, pixel);
        }
        find_corners(p, &next, pixels - pixel, at);
        gather(&im, at);
        int8_t *to = is_direct ? out + pixel * p->out_channels : aside;
        block.out = to;
        if (p->tail == EDGE_TAIL_SUMS)
            finish_sums(p, &block, weights, dot);
        else
            dot(&block, weights);
        if (is_clamped)
            edge_clamp_bytes(to, PIXELS * even_channels, p->out_min, p->out_max);
        for (int32_t j = 0; !is_direct && j < PIXELS && pixel + j < pixels; j++)
            memcpy(out + (pixel + j) * p->out_channels, to + j * even_channels,
                   (size_t)p->out_channels);
    }
    return EDGE_OK;
}
