#include "conv2d_blocks_s8.h"
#include "edge_patch.h"
#include "edge_product.h"

#define PIXELS 2
#define CHANNELS 4
#define UNROLLED 4

/* The window of two pixels, tap by tap: [taps][PIXELS]; buffers behind it. */
typedef struct {
    edge_image image;
    int8_t *taps;
    int8_t *buffers[PIXELS];
    int32_t count; /* of taps, a multiple of UNROLLED */
} window;

static int8_t *interleave(int8_t *to, const int8_t *a, const int8_t *b, int32_t count)
{
    for (; count >= 4; count -= 4, a += 4, b += 4, to += 8) {
        to[0] = a[0];
        to[1] = b[0];
        to[2] = a[1];
        to[3] = b[1];
        to[4] = a[2];
        to[5] = b[2];
        to[6] = a[3];
        to[7] = b[3];
    }
    for (; count > 0; count--) {
        *to++ = *a++;
        *to++ = *b++;
    }
    return to;
}

/* Gather the windows that start at (y[0], x[0]) and (y[1], x[1]). A kernel row is one run of
 * pixels, unless dilation leaves gaps between them. */
static void gather(const conv2d_blocks_s8_params *p, const window *w, const int32_t *y,
                   const int32_t *x)
{
    const int32_t run_taps = p->dilation_width > 1 ? 1 : p->kernel_width;
    int8_t *to = w->taps;
    for (int32_t row = 0; row < p->kernel_height; row++) {
        const int32_t down = row * p->dilation_height;
        for (int32_t tap = 0; tap < p->kernel_width; tap += run_taps) {
            const int32_t right = tap * p->dilation_width;
            const int8_t *a =
                edge_patch_run(&w->image, y[0] + down, x[0] + right, run_taps, w->buffers[0]);
            const int8_t *b =
                edge_patch_run(&w->image, y[1] + down, x[1] + right, run_taps, w->buffers[1]);
            to = interleave(to, a, b, run_taps * p->in_channels);
        }
    }
}

#define TAP(n) \
    do { \
        const int32_t a = x[PIXELS * (n)], b = x[PIXELS * (n) + 1]; \
        int32_t weight = w[CHANNELS * (n)]; \
        a0 += a * weight; \
        b0 += b * weight; \
        weight = w[CHANNELS * (n) + 1]; \
        a1 += a * weight; \
        b1 += b * weight; \
        weight = w[CHANNELS * (n) + 2]; \
        a2 += a * weight; \
        b2 += b * weight; \
        weight = w[CHANNELS * (n) + 3]; \
        a3 += a * weight; \
        b3 += b * weight; \
    } while (0)

/* The products of a window with four channels: sums [CHANNELS][PIXELS]. Returns the weights of
 * the next four. */
EDGE_NOINLINE static const int8_t *sum_block(const int8_t *x, const int8_t *end,
                                              const int8_t *w, int32_t *sums)
{
    int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
    do {
        TAP(0);
        TAP(1);
        TAP(2);
        TAP(3);
        x += PIXELS * UNROLLED;
        w += CHANNELS * UNROLLED;
    } while (x != end);
    sums[0] = a0;
    sums[1] = b0;
    sums[2] = a1;
    sums[3] = b1;
    sums[4] = a2;
    sums[5] = b2;
    sums[6] = a3;
    sums[7] = b3;
    return w;
}

/* All output channels of the gathered pixels; the second pixel's output is at out_b. */
static void compute_pixels(const conv2d_blocks_s8_params *p, const window *window,
                           const int8_t *weights, const int32_t *bias,
                           const int32_t *multipliers, const int8_t *shifts, int8_t *out_a,
                           int8_t *out_b)
{
    const int8_t *end = window->taps + PIXELS * window->count;
    const int32_t out_min = p->out_min, out_max = p->out_max;
    for (int32_t left = p->out_channels; left > 0; left -= CHANNELS) {
        int32_t sums[CHANNELS * PIXELS];
        weights = sum_block(window->taps, end, weights, sums);
        const int32_t channels = left < CHANNELS ? left : CHANNELS;
        for (const int32_t *sum = sums; sum != sums + channels * PIXELS; sum += PIXELS) {
            const int32_t right = -*shifts, start = *bias++;
            const int32_t rounding = edge_rounding(p->out_zero_point, right);
            const int32_t a = edge_requantize(sum[0] + start, *multipliers, right, rounding);
            *out_a++ = (int8_t)edge_clamp(a, out_min, out_max);
            const int32_t b = edge_requantize(sum[1] + start, *multipliers, right, rounding);
            *out_b++ = (int8_t)edge_clamp(b, out_min, out_max);
            multipliers += p->per_channel;
            shifts += p->per_channel;
        }
    }
}

/* Step to the next output pixel's window. */
static void advance(const conv2d_blocks_s8_params *p, int32_t *y, int32_t *x)
{
    *x += p->stride_width;
    if (*x >= p->out_width * p->stride_width - p->pad_left) {
        *x = -p->pad_left;
        *y += p->stride_height;
    }
}

static int is_valid(const conv2d_blocks_s8_params *p)
{
    return p->in_height > 0 && p->in_width > 0 && p->in_channels > 0 && p->out_height > 0 &&
           p->out_width > 0 && p->out_channels > 0 && p->kernel_height > 0 &&
           p->kernel_width > 0 && p->stride_height > 0 && p->stride_width > 0 &&
           p->dilation_height > 0 && p->dilation_width > 0 && p->pad_top >= 0 &&
           p->pad_left >= 0 && edge_is_s8(p->in_zero_point) && edge_is_s8(p->out_zero_point) &&
           edge_is_s8(p->out_min) && edge_is_s8(p->out_max) && p->out_min <= p->out_max &&
           (p->per_channel == 0 || p->per_channel == 1);
}

static window window_in(const conv2d_blocks_s8_params *p, const int8_t *in, int8_t *scratch)
{
    const int32_t row = p->kernel_width * p->in_channels;
    const int32_t taps = p->kernel_height * row;
    const int32_t count = (taps + UNROLLED - 1) / UNROLLED * UNROLLED;
    const window found = {
        {in, p->in_height, p->in_width, p->in_channels, p->in_zero_point},
        scratch,
        {scratch + PIXELS * count, scratch + PIXELS * count + row},
        count,
    };
    memset(scratch + PIXELS * taps, 0, (size_t)(PIXELS * (count - taps)));
    return found;
}

int conv2d_blocks_s8(const conv2d_blocks_s8_params *p, const int8_t *in, const int8_t *weights,
                     const int32_t *bias, const int32_t *multipliers, const int8_t *shifts,
                     int8_t *scratch, int8_t *out)
{
    if (!p || !in || !weights || !bias || !multipliers || !shifts || !scratch || !out ||
        !is_valid(p))
        return EDGE_BAD_ARG;
    const window found = window_in(p, in, scratch);
    int32_t y[PIXELS] = {-p->pad_top}, x[PIXELS] = {-p->pad_left};
    for (int32_t left = p->out_height * p->out_width; left > 0; left -= PIXELS) {
        int8_t *second = left > 1 ? out + p->out_channels : out;
        y[1] = y[0];
        x[1] = x[0];
        if (left > 1)
            advance(p, &y[1], &x[1]);
        gather(p, &found, y, x);
        compute_pixels(p, &found, weights, bias, multipliers, shifts, out, second);
        out = second + p->out_channels;
        y[0] = y[1];
        x[0] = x[1];
        advance(p, &y[0], &x[0]);
    }
    return EDGE_OK;
}
