#include "edge_dsp_conv2d.h"

#include "edge_dsp_columns.h"

#define PIXELS EDGE_PIXELS

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

static void gather(const edge_dsp_image *im, place *next, int32_t pixels)
{
    edge_corner at[PIXELS];
    find_corners(im->p, next, pixels, at);
    edge_gather_columns(im, at);
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

/* Whether windows are the input's pixels, one after the other. */
static int is_pointwise(const edge_dsp_conv2d_params *p)
{
    return p->kernel_height * p->kernel_width == 1 && p->stride_height * p->stride_width == 1 &&
           p->in_height == p->out_height && p->in_width == p->out_width &&
           p->in_channels % 4 == 0;
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

int edge_dsp_conv2d(const edge_dsp_conv2d_params *given, const int8_t *in, const uint32_t *weights,
                    int8_t *out, void *scratch, edge_dot *dot)
{
    if (!given || !in || !weights || !out || !scratch || !is_valid(given))
        return EDGE_BAD_ARG;
    edge_dsp_conv2d_params padded;
    const edge_dsp_conv2d_params *p = given;
    int8_t *end = scratch;
    if (given->is_padded) {
        in = edge_pad_image(given, in, &padded, &end);
        p = &padded;
    }
    const edge_dsp_image im = edge_dsp_image_of(p, in, end, &end);
    const int32_t pixels = p->out_height * p->out_width;
    const int32_t even_channels = (p->out_channels + 1) & ~1;
    const int is_direct = even_channels == p->out_channels && pixels >= PIXELS;
    const int is_straight = is_direct && is_pointwise(p);
    const int is_clamped = p->out_min > -128 || p->out_max < 127;
    edge_dot_block block = edge_dot_block_of(im.columns, im.depth, p->tail, p->out_zero_point);
    block.out_stride = even_channels;
    place next = place_of(p, 0);
    for (int32_t pixel = 0; pixel < pixels; pixel += PIXELS) {
        if (is_direct && pixel > pixels - PIXELS) {
            pixel = pixels - PIXELS; /* the last ones again */
            next = place_of(p, pixel);
        }
        if (is_straight)
            edge_gather_pixels(&im, pixel);
        else
            gather(&im, &next, pixels - pixel);
        int8_t *to = is_direct ? out + pixel * p->out_channels : end;
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
