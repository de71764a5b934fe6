#include "edge_dsp_winograd.h"

#include "edge_dsp_stage.h"

/* Products: registers and words of weights as in edge_dot_wide_3x2. Frame: */
#define FIRST "[sp, #0]"
#define LOOP "[sp, #4]"
#define AFTER_LOOP "[sp, #8]"
#define PASSES "[sp, #12]"      /* through the unrolled loop */
#define PASSES_LEFT "[sp, #16]" /* at this position */
#define SUMS "[sp, #20]"        /* and their end */

#define TAPS_OF_FIRST(taps) \
    "smlad r0, r6, " taps ", r0\n smlad r1, r7, " taps ", r1\n smlad r2, r8, " taps ", r2\n"
#define TAPS_OF_SECOND(taps) \
    "smlad r3, r6, " taps ", r3\n smlad r4, r7, " taps ", r4\n smlad r5, r8, " taps ", r5\n"
#define LOAD_VALUES "ldm r12!, {r6-r8}\n"
#define START \
    LOAD_VALUES \
    "smlad r1, r7, r9, r0\n smlad r2, r8, r9, r0\n smlad r0, r6, r9, r0\n" \
    "smlad r4, r7, r10, r3\n smlad r5, r8, r10, r3\n smlad r3, r6, r10, r3\n"
#define FOUR_MORE \
    LOAD_VALUES TAPS_OF_FIRST("r11") "ldm lr!, {r9-r11}\n" TAPS_OF_SECOND("r9") \
    LOAD_VALUES TAPS_OF_FIRST("r10") TAPS_OF_SECOND("r11")
#define SIX_CHANNELS \
    "ldm lr!, {r9-r11}\n" LOAD_VALUES TAPS_OF_FIRST("r9") TAPS_OF_SECOND("r10") FOUR_MORE

EDGE_NAKED static const uint32_t *dot(const uint32_t *values EDGE_UNUSED,
                                      const uint32_t *weights EDGE_UNUSED,
                                      int32_t *sums EDGE_UNUSED, int32_t *end EDGE_UNUSED,
                                      int32_t first EDGE_UNUSED, int32_t skipped EDGE_UNUSED,
                                      int32_t passes EDGE_UNUSED)
{
    __asm__ volatile(
        "push {r4-r11, lr}\n"
        "add r9, sp, #36\n"
        "ldm r9, {r9-r11}\n"
        "sub sp, sp, #28\n"
        "strd r2, r3, " SUMS "\n"
        "mov r12, r0\n"
        "mov lr, r1\n"
        "adr.w r6, 31f\n"
        "cmp r9, #2\n"
        "it eq\n adreq.w r6, 32f\n"
        "it hi\n adrhi.w r6, 33f\n"
        "adr.w r7, 2f\n"
        "movs r8, #92\n"
        "mla r7, r10, r8, r7\n"
        "adr.w r8, 6f\n"
        "cmp r11, #1\n"
        "it hi\n adrhi.w r8, 5f\n"
        "orr r6, r6, #1\n orr r7, r7, #1\n orr r8, r8, #1\n" /* Thumb state */
        "mov r10, r11\n"
        "stm sp, {r6-r8, r10, r11}\n"

        "1: ldr pc, " FIRST "\n"

        ".p2align 2\n"
        "31: ldm lr!, {r0, r3, r9, r10}\n"
        START
        "ldr pc, " LOOP "\n"

        ".p2align 2\n"
        "32: ldm lr!, {r0, r3, r9, r10}\n"
        START
        "ldm lr!, {r9, r10}\n"
        LOAD_VALUES TAPS_OF_FIRST("r9") TAPS_OF_SECOND("r10")
        "ldr pc, " LOOP "\n"

        ".p2align 2\n"
        "33: ldm lr!, {r0, r3, r9-r11}\n"
        START FOUR_MORE
        "ldr pc, " LOOP "\n"

        ".p2align 2\n"
        "2:\n"
        SIX_CHANNELS SIX_CHANNELS SIX_CHANNELS SIX_CHANNELS SIX_CHANNELS SIX_CHANNELS
        "ldr pc, " AFTER_LOOP "\n"

        ".p2align 2\n"
        "5: ldr r6, " PASSES_LEFT "\n"
        "subs r6, r6, #1\n"
        "str r6, " PASSES_LEFT "\n"
        "bne.w 2b\n"
        "ldr r6, " PASSES "\n"
        "str r6, " PASSES_LEFT "\n"

        ".p2align 2\n"
        "6: ldrd r6, r7, " SUMS "\n"
        "stm r6!, {r0-r5}\n"
        "cmp r6, r7\n"
        "str r6, " SUMS "\n"
        "bne.w 1b\n"
        "mov r0, lr\n"
        "add sp, sp, #28\n"
        "pop {r4-r11, pc}\n");
}

typedef struct {
    edge_corner corner; /* of the inputs */
    int32_t offset;     /* of the first output */
    int32_t height, width; /* of the outputs that lie in the image */
} tile;

typedef struct {
    const edge_winograd_params *p;
    const edge_winograd_scheme *scheme;
    edge_dsp_conv2d_params window; /* the inputs of a tile */
    const int8_t *in;
    int8_t *out;
    uint32_t *values;
    int32_t *sums;
    int8_t *staged; /* inputs of a tile at the border */
    int32_t columns; /* of tiles */
    int32_t first, skipped, passes; /* through the unrolled loop of products */
} image;

static tile find_tile(const image *im, int32_t index)
{
    const edge_winograd_params *p = im->p;
    const int32_t side = im->scheme->outputs, row = index / im->columns;
    const int32_t y = row * side, x = (index - row * im->columns) * side;
    const tile found = {
        .corner = {y - p->pad_top, x - p->pad_left},
        .offset = (y * p->out_width + x) * p->out_channels,
        .height = edge_clamp(p->out_height - y, 0, side),
        .width = edge_clamp(p->out_width - x, 0, side),
    };
    return found;
}

static void transform_inputs(const image *im, edge_corner at, uint32_t *values)
{
    const edge_winograd_params *p = im->p;
    const int32_t inputs = im->scheme->inputs, channels = p->in_channels;
    const int32_t row = p->in_width * channels;
    const int is_inside = at.y >= 0 && at.x >= 0 && at.y + inputs <= p->in_height &&
                          at.x + inputs <= p->in_width;
    if (is_inside) {
        const int8_t *from = im->in + (at.y * row + at.x * channels);
        im->scheme->transform_inputs(from, values, channels / 4, row, channels);
    } else {
        edge_stage_window(&im->window, im->in, at, im->staged);
        im->scheme->transform_inputs(im->staged, values, channels / 4, inputs * channels, channels);
    }
}

/* A tile at the lower or right end of the image: two channels of the outputs that it has. */
static void transform_some_sums(const image *im, const tile *at, const int32_t *sums,
                                const edge_winograd_scale *scales, int8_t *out)
{
    const int32_t side = im->scheme->outputs, channels = im->p->out_channels;
    int8_t aside[EDGE_WINOGRAD_OUTPUTS * EDGE_WINOGRAD_OUTPUTS * 2];
    im->scheme->transform_sums(sums, scales, aside, 2 * side, 2);
    for (int32_t y = 0; y < at->height; y++)
        for (int32_t x = 0; x < at->width; x++)
            memcpy(out + (y * im->p->out_width + x) * channels, aside + 2 * (y * side + x), 2);
}

static void run_block(const image *im, const tile *tiles, int32_t count, const uint32_t *weights,
                      const edge_winograd_scale *scales)
{
    const int32_t channels = im->p->out_channels, row = im->p->out_width * channels;
    const int32_t side = im->scheme->outputs;
    int32_t *const end = im->sums + im->scheme->inputs * im->scheme->inputs * 2 * EDGE_PIXELS;
    for (int32_t j = 0; j < count; j++)
        transform_inputs(im, tiles[j].corner, im->values + j);
    for (int32_t channel = 0; channel < channels; channel += 2, scales += 2) {
        weights = dot(im->values, weights, im->sums, end, im->first, im->skipped, im->passes);
        for (int32_t j = 0; j < count; j++) {
            int8_t *out = im->out + (tiles[j].offset + channel);
            if (tiles[j].height == side && tiles[j].width == side)
                im->scheme->transform_sums(im->sums + j, scales, out, row, channels);
            else
                transform_some_sums(im, &tiles[j], im->sums + j, scales, out);
        }
    }
}

static int is_valid(const edge_winograd_params *p)
{
    return p->in_height > 0 && p->in_width > 0 && p->in_channels > 0 && p->in_channels % 4 == 0 &&
           p->out_height > 0 && p->out_width > 0 && p->out_channels > 0 &&
           p->out_channels % 2 == 0 && p->pad_top >= 0 && p->pad_left >= 0 &&
           edge_is_s8(p->in_zero_point) && edge_is_s8(p->out_min) && edge_is_s8(p->out_max) &&
           p->out_min <= p->out_max;
}

static image image_of(const edge_winograd_params *p, const edge_winograd_scheme *scheme,
                      const int8_t *in, int8_t *out, void *scratch)
{
    const int32_t positions = scheme->inputs * scheme->inputs;
    const int32_t unrolled = 6, rounds = (p->in_channels / 2 - 1) / 3;
    const int32_t passes = rounds > unrolled ? (rounds + unrolled - 1) / unrolled : 1;
    int32_t *sums = (int32_t *)scratch + positions * EDGE_PIXELS * p->in_channels / 2;
    const image im = {
        .p = p,
        .scheme = scheme,
        .window = {.in_height = (int16_t)p->in_height,
                   .in_width = (int16_t)p->in_width,
                   .in_channels = (int16_t)p->in_channels,
                   .kernel_height = (int16_t)scheme->inputs,
                   .kernel_width = (int16_t)scheme->inputs,
                   .dilation_height = 1,
                   .dilation_width = 1,
                   .in_zero_point = (int16_t)p->in_zero_point},
        .in = in,
        .out = out,
        .values = scratch,
        .sums = sums,
        .staged = (int8_t *)(sums + positions * EDGE_PIXELS * 2),
        .columns = (p->out_width + scheme->outputs - 1) / scheme->outputs,
        .first = edge_dot_first(p->in_channels),
        .skipped = passes * unrolled - rounds,
        .passes = passes,
    };
    return im;
}

int edge_winograd_conv2d(const edge_winograd_params *p, const edge_winograd_scheme *scheme,
                         const int8_t *in, const uint32_t *weights,
                         const edge_winograd_scale *scales, int8_t *out, void *scratch)
{
    if (!p || !in || !weights || !scales || !out || !scratch || !is_valid(p))
        return EDGE_BAD_ARG;
    const image im = image_of(p, scheme, in, out, scratch);
    const int32_t rows = (p->out_height + scheme->outputs - 1) / scheme->outputs;
    const int32_t tiles = im.columns * rows;
    for (int32_t index = 0; index < tiles; index += EDGE_PIXELS) {
        const int32_t count = edge_clamp(tiles - index, 1, EDGE_PIXELS);
        tile at[EDGE_PIXELS];
        for (int32_t j = 0; j < count; j++)
            at[j] = find_tile(&im, index + j);
        run_block(&im, at, count, weights, scales);
    }
    if (p->out_min > -128 || p->out_max < 127)
        edge_clamp_bytes(out, p->out_height * p->out_width * p->out_channels, p->out_min,
                         p->out_max);
    return EDGE_OK;
}
