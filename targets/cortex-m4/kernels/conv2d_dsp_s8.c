#include "conv2d_dsp_s8.h"

#include "edge_dsp_dot.h"
#include "edge_dsp_gather.h"

#define PIXELS EDGE_PIXELS

typedef struct {
    const conv2d_dsp_s8_params *p;
    const int8_t *in;
    uint32_t *columns;
    int8_t *staged; /* taps of all pixels, or where channels fill words: a tap of zero points */
    int32_t row;        /* bytes of an input row */
    int32_t run;        /* bytes of a kernel row that lie side by side in the input */
    int32_t runs;       /* in a kernel row */
    int32_t depth;
} image;

typedef struct {
    int32_t y, x; /* of the window's first tap */
} corner;

static int is_inside(const conv2d_dsp_s8_params *p, corner at)
{
    return at.y >= 0 && at.x >= 0 &&
           at.y + (p->kernel_height - 1) * p->dilation_height < p->in_height &&
           at.x + (p->kernel_width - 1) * p->dilation_width < p->in_width;
}

static const int8_t *address(const image *im, corner at)
{
    return im->in + at.y * im->row + at.x * im->p->in_channels;
}

/* Stretches of taps that lie side by side in the input. */
static void gather_inside(const image *im, const corner *at)
{
    const conv2d_dsp_s8_params *p = im->p;
    uint32_t *columns = im->columns;
    const int8_t *first[PIXELS];
    for (int32_t j = 0; j < PIXELS; j++)
        first[j] = address(im, at[j]);
    for (int32_t tap_y = 0; tap_y < p->kernel_height; tap_y++) {
        for (int32_t run = 0; run < im->runs; run++) {
            const int32_t offset = tap_y * p->dilation_height * im->row +
                                   run * p->dilation_width * p->in_channels;
            const int8_t *from[PIXELS] = {
                first[0] + offset, first[1] + offset, first[2] + offset};
            columns = edge_widen_3(columns, from, im->run / 4);
        }
    }
}

/* Tap by tap; those outside the image read the zero point. */
static void gather_border(const image *im, const corner *at)
{
    const conv2d_dsp_s8_params *p = im->p;
    const uint32_t height = (uint32_t)p->in_height, width = (uint32_t)p->in_width;
    uint32_t *columns = im->columns;
    int32_t down = 0;
    for (int32_t tap_y = 0; tap_y < p->kernel_height; tap_y++, down += p->dilation_height) {
        int32_t right = 0;
        for (int32_t tap_x = 0; tap_x < p->kernel_width; tap_x++, right += p->dilation_width) {
            const int8_t *from[PIXELS];
            for (int32_t j = 0; j < PIXELS; j++) {
                const corner tap = {at[j].y + down, at[j].x + right};
                const int is_inside = (uint32_t)tap.y < height && (uint32_t)tap.x < width;
                from[j] = is_inside ? address(im, tap) : im->staged;
            }
            columns = edge_widen_3(columns, from, p->in_channels / 4);
        }
    }
}

/* x, of which the compiler must not know where it comes from: for the few bytes of a run a call of
 * memcpy or memset, which it makes of loops, costs more than the loop. */
static inline uint32_t opaque(uint32_t x)
{
    __asm__("" : "+r"(x));
    return x;
}

static inline int8_t *copy_run(int8_t *to, const int8_t *from, int32_t bytes)
{
    for (; bytes >= 4; bytes -= 4, to += 4, from += 4) {
        const uint32_t word = opaque(edge_load_word(from));
        memcpy(to, &word, 4);
    }
    for (; bytes > 0; bytes--)
        *to++ = (int8_t)opaque((uint32_t)*from++);
    return to;
}

static inline int8_t *fill_run(int8_t *to, int32_t value, int32_t bytes)
{
    for (; bytes > 0; bytes--)
        *to++ = (int8_t)opaque((uint32_t)value);
    return to;
}

/* One run in every kernel row: taps left of the image, within it, right of it. */
typedef struct {
    int32_t left, within, right; /* bytes */
} edges;

static edges edges_of(const image *im, int32_t x)
{
    const int32_t taps = im->run / im->p->in_channels;
    const int32_t first = edge_clamp(-x, 0, taps);
    const int32_t end = edge_clamp(im->p->in_width - x, first, taps);
    const edges found = {first * im->p->in_channels, (end - first) * im->p->in_channels,
                         (taps - end) * im->p->in_channels};
    return found;
}

static int8_t *stage_run(const image *im, const edges *at, const int8_t *from, int8_t *to)
{
    to = fill_run(to, im->p->in_zero_point, at->left);
    if (at->within > 0)
        to = copy_run(to, from + at->left, at->within);
    return fill_run(to, im->p->in_zero_point, at->right);
}

/* Kernel row by kernel row; where taps are dilated, tap by tap. */
static void stage_pixel(const image *im, corner at, int8_t *staged)
{
    const conv2d_dsp_s8_params *p = im->p;
    const int32_t row_bytes = im->run * im->runs, offset = at.x * p->in_channels;
    const int32_t step = p->dilation_width * p->in_channels;
    const edges first = edges_of(im, at.x);
    int8_t *to = staged;
    for (int32_t tap_y = 0; tap_y < p->kernel_height; tap_y++, at.y += p->dilation_height) {
        if (at.y < 0 || at.y >= p->in_height) {
            to = fill_run(to, p->in_zero_point, row_bytes);
            continue;
        }
        to = stage_run(im, &first, im->in + (at.y * im->row + offset), to);
        for (int32_t run = 1; run < im->runs; run++) {
            const edges next = edges_of(im, at.x + run * p->dilation_width);
            to = stage_run(im, &next, im->in + (at.y * im->row + offset + run * step), to);
        }
    }
    fill_run(to, 0, im->depth - (int32_t)(to - staged));
}

static void gather_staged(const image *im, const corner *at)
{
    const int8_t *staged[PIXELS];
    for (int32_t j = 0; j < PIXELS; j++) {
        staged[j] = im->staged + j * im->depth;
        stage_pixel(im, at[j], im->staged + j * im->depth);
    }
    edge_widen_3(im->columns, staged, im->depth / 4);
}

static void gather(const image *im, const corner *at)
{
    int inside = 1;
    if (im->p->in_channels % 4 != 0) {
        gather_staged(im, at);
        return;
    }
    for (int32_t j = 0; j < PIXELS; j++)
        inside &= is_inside(im->p, at[j]);
    if (inside)
        gather_inside(im, at);
    else
        gather_border(im, at);
}

/* The corners of PIXELS pixels from (y, x) on; past the last one it is repeated. */
static void find_corners(const conv2d_dsp_s8_params *p, int32_t y, int32_t x, corner *at)
{
    for (int32_t j = 0; j < PIXELS; j++) {
        at[j].y = y * p->stride_height - p->pad_top;
        at[j].x = x * p->stride_width - p->pad_left;
        if (x + 1 < p->out_width) {
            x++;
        } else if (y + 1 < p->out_height) {
            x = 0;
            y++;
        }
    }
}

static void clamp_bytes(const conv2d_dsp_s8_params *p, int8_t *out, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        out[i] = (int8_t)edge_clamp(out[i], p->out_min, p->out_max);
}

/* Channel by channel with any multiplier and shift. */
static void finish_sums(const conv2d_dsp_s8_params *p, edge_dot_block *block,
                        const uint32_t *weights, int32_t depth, int8_t *out, int32_t stride)
{
    const int32_t words = 2 + depth / 2 + 5;
    int32_t sums[2][PIXELS];
    for (int32_t channel = 0; channel < p->out_channels; channel++) {
        const int32_t second = channel & 1;
        const int32_t *scales = (const int32_t *)weights + words - 5;
        if (!second) {
            block->out = sums;
            block->pairs = 1;
            edge_dot_3x2(block, weights);
        }
        for (int32_t j = 0; j < PIXELS; j++) {
            const int32_t scaled = edge_multiply_double_rounding(
                sums[second][j], scales[second], scales[2 + second]);
            out[j * stride + channel] = (int8_t)edge_clamp(
                scaled + p->out_zero_point, -128, 127);
        }
        if (second)
            weights += words;
    }
}

static int is_valid(const conv2d_dsp_s8_params *p)
{
    return p->in_height > 0 && p->in_width > 0 && p->in_channels > 0 && p->out_height > 0 &&
           p->out_width > 0 && p->out_channels > 0 && p->kernel_height > 0 &&
           p->kernel_width > 0 && p->stride_height > 0 && p->stride_width > 0 &&
           p->dilation_height > 0 && p->dilation_width > 0 && p->pad_top >= 0 &&
           p->pad_left >= 0 && edge_is_s8(p->in_zero_point) && edge_is_s8(p->out_zero_point) &&
           edge_is_s8(p->out_min) && edge_is_s8(p->out_max) && p->out_min <= p->out_max &&
           p->tail >= EDGE_TAIL_RECTIFIED && p->tail <= EDGE_TAIL_SUMS;
}

static image image_of(const conv2d_dsp_s8_params *p, const int8_t *in, void *scratch)
{
    const int32_t row_taps = p->dilation_width > 1 ? 1 : p->kernel_width;
    const int32_t depth = (p->kernel_height * p->kernel_width * p->in_channels + 3) & ~3;
    image im = {p, in, scratch, (int8_t *)scratch + 2 * PIXELS * depth, p->in_width * p->in_channels,
                row_taps * p->in_channels, p->kernel_width / row_taps, depth};
    return im;
}

int conv2d_dsp_s8(const conv2d_dsp_s8_params *p, const int8_t *in, const uint32_t *weights,
                  int8_t *out, void *scratch)
{
    if (!p || !in || !weights || !out || !scratch || !is_valid(p))
        return EDGE_BAD_ARG;
    const image im = image_of(p, in, scratch);
    const int32_t pixels = p->out_height * p->out_width;
    const int32_t even_channels = (p->out_channels + 1) & ~1;
    const int is_direct = even_channels == p->out_channels && pixels >= PIXELS;
    const int is_clamped = p->out_min > -128 || p->out_max < 127;
    int8_t *aside = im.staged + (p->in_channels % 4 ? PIXELS * im.depth : p->in_channels);
    fill_run(im.staged, p->in_zero_point, p->in_channels);
    for (int32_t pixel = 0; pixel < pixels; pixel += PIXELS) {
        corner at[PIXELS];
        if (is_direct && pixel > pixels - PIXELS)
            pixel = pixels - PIXELS; /* the last ones again */
        find_corners(p, pixel / p->out_width, pixel % p->out_width, at);
        gather(&im, at);
        int8_t *to = is_direct ? out + pixel * p->out_channels : aside;
        edge_dot_block block = {im.columns, im.columns + PIXELS * im.depth / 2, to, even_channels,
                                even_channels / 2, edge_dot_entry(im.depth), p->tail};
        if (p->tail == EDGE_TAIL_SUMS)
            finish_sums(p, &block, weights, im.depth, to, even_channels);
        else
            edge_dot_3x2(&block, weights);
        if (is_clamped)
            clamp_bytes(p, to, PIXELS * even_channels);
        for (int32_t j = 0; !is_direct && j < PIXELS && pixel + j < pixels; j++)
            memcpy(out + (pixel + j) * p->out_channels, to + j * even_channels,
                   (size_t)p->out_channels);
    }
    return EDGE_OK;
}
