#include "conv2d_winograd_dsp_s8.h"

#include "edge_dsp_stage.h"
#include "edge_dsp_winograd.h"

#define TILES EDGE_PIXELS /* of a block */

typedef struct {
    const conv2d_winograd_dsp_s8_params *p;
    const int8_t *in;
    int8_t *out;
    uint32_t *values;
    int32_t *sums;
    int8_t *staged; /* inputs of a tile at the border */
    edge_dsp_conv2d_params window;
    int32_t columns; /* of tiles */
} image;

typedef struct {
    int32_t y, x; /* of a tile's first output */
} place;

static place place_of(const image *im, int32_t tile)
{
    const int32_t row = tile / im->columns;
    const place found = {row * EDGE_TILE, (tile - row * im->columns) * EDGE_TILE};
    return found;
}

static void transform_inputs(const image *im, place tile, uint32_t *values)
{
    const conv2d_winograd_dsp_s8_params *p = im->p;
    const edge_corner at = {tile.y - p->pad_top, tile.x - p->pad_left};
    const int32_t row = p->in_width * p->in_channels, groups = p->in_channels / 4;
    const int is_inside = at.y >= 0 && at.x >= 0 && at.y + EDGE_TILE_INPUTS <= p->in_height &&
                          at.x + EDGE_TILE_INPUTS <= p->in_width;
    if (is_inside) {
        const int8_t *from = im->in + (at.y * row + at.x * p->in_channels);
        edge_winograd_input(from, values, groups, row, p->in_channels);
    } else {
        edge_stage_window(&im->window, im->in, at, im->staged);
        edge_winograd_input(im->staged, values, groups, EDGE_TILE_INPUTS * p->in_channels,
                            p->in_channels);
    }
}

/* The outputs of a tile that lie in the image. */
static void transform_sums(const image *im, place tile, const int32_t *sums,
                           const edge_winograd_scale *scale, int8_t *out)
{
    const conv2d_winograd_dsp_s8_params *p = im->p;
    const int32_t row = p->out_width * p->out_channels;
    const int32_t height = edge_clamp(p->out_height - tile.y, 0, EDGE_TILE);
    const int32_t width = edge_clamp(p->out_width - tile.x, 0, EDGE_TILE);
    int8_t *to = out + (tile.y * row + tile.x * p->out_channels);
    int8_t aside[EDGE_TILE][EDGE_TILE];
    if (height == EDGE_TILE && width == EDGE_TILE) {
        edge_winograd_output(sums, scale, to, row, p->out_channels);
        return;
    }
    edge_winograd_output(sums, scale, aside[0], EDGE_TILE, 1);
    for (int32_t y = 0; y < height; y++)
        for (int32_t x = 0; x < width; x++)
            to[y * row + x * p->out_channels] = aside[y][x];
}

static void run_block(const image *im, const place *tiles, int32_t count, const uint32_t *weights)
{
    const int32_t channels = im->p->in_channels;
    for (int32_t j = 0; j < count; j++)
        transform_inputs(im, tiles[j], im->values + j);
    for (int32_t channel = 0; channel < im->p->out_channels; channel += 2) {
        weights = edge_winograd_dot(im->values, weights, im->sums, channels);
        for (int32_t second = 0; second < 2; second++) {
            const edge_winograd_scale *scale = (const edge_winograd_scale *)weights + second;
            for (int32_t j = 0; j < count; j++)
                transform_sums(im, tiles[j], im->sums + second * TILES + j, scale,
                               im->out + channel + second);
        }
        weights += EDGE_WINOGRAD_SCALE_WORDS;
    }
}

static int is_valid(const conv2d_winograd_dsp_s8_params *p)
{
    return p->in_height > 0 && p->in_width > 0 && p->in_channels > 0 && p->in_channels % 4 == 0 &&
           p->out_height > 0 && p->out_width > 0 && p->out_channels > 0 &&
           p->out_channels % 2 == 0 && p->pad_top >= 0 && p->pad_left >= 0 &&
           edge_is_s8(p->in_zero_point) && edge_is_s8(p->out_min) && edge_is_s8(p->out_max) &&
           p->out_min <= p->out_max;
}

static image image_of(const conv2d_winograd_dsp_s8_params *p, const int8_t *in, int8_t *out,
                      void *scratch)
{
    uint32_t *values = scratch;
    int32_t *sums = (int32_t *)scratch + EDGE_POSITIONS * TILES * p->in_channels / 2;
    const image im = {
        .p = p,
        .in = in,
        .out = out,
        .values = values,
        .sums = sums,
        .staged = (int8_t *)(sums + EDGE_POSITIONS * TILES * 2),
        .window = {.in_height = p->in_height,
                   .in_width = p->in_width,
                   .in_channels = p->in_channels,
                   .kernel_height = EDGE_TILE_INPUTS,
                   .kernel_width = EDGE_TILE_INPUTS,
                   .dilation_height = 1,
                   .dilation_width = 1,
                   .in_zero_point = p->in_zero_point},
        .columns = (p->out_width + EDGE_TILE - 1) / EDGE_TILE,
    };
    return im;
}

int conv2d_winograd_dsp_s8(const conv2d_winograd_dsp_s8_params *p, const int8_t *in,
                           const uint32_t *weights, int8_t *out, void *scratch)
{
    if (!p || !in || !weights || !out || !scratch || !is_valid(p))
        return EDGE_BAD_ARG;
    const image im = image_of(p, in, out, scratch);
    const int32_t tiles = im.columns * ((p->out_height + EDGE_TILE - 1) / EDGE_TILE);
    for (int32_t tile = 0; tile < tiles; tile += TILES) {
        const int32_t count = edge_clamp(tiles - tile, 1, TILES);
        place at[TILES];
        for (int32_t j = 0; j < count; j++)
            at[j] = place_of(&im, tile + j);
        run_block(&im, at, count, weights);
    }
    if (p->out_min > -128 || p->out_max < 127)
        edge_clamp_bytes(out, p->out_height * p->out_width * p->out_channels, p->out_min,
                         p->out_max);
    return EDGE_OK;
}
