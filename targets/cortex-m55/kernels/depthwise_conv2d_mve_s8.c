#include "depthwise_conv2d_mve_s8.h"

#include <arm_mve.h>

#define LANES 8 /* channels at once */
#define SCALE_WORDS 24
#define TAIL_LINEAR 1 /* EDGE_TAIL_LINEAR */

/* The input rows of a window, 8 channels of them side by side: row r lies in slot r mod height. */
typedef struct {
    const depthwise_conv2d_mve_s8_params *p;
    int8_t *rows;
    int32_t columns;
    mve_pred16_t lanes; /* channels that exist */
} strip;

typedef struct {
    const int8_t *weights;
    const int32_t *scales;
} octet;

static int8_t *slot(const strip *s, int32_t row)
{
    return s->rows + row % s->p->kernel_height * (s->columns * LANES);
}

/* Row y of the image, from column -pad_left on, or zero points; in: its 8 channels. */
static void load_row(const strip *s, const int8_t *in, int32_t y)
{
    const depthwise_conv2d_mve_s8_params *p = s->p;
    int8_t *to = slot(s, y + p->pad_top);
    const int16x8_t zero_point = vdupq_n_s16((int16_t)p->in_zero_point);
    const int32_t is_inside = y >= 0 && y < p->in_height;
    const int32_t left = edge_clamp(p->pad_left, 0, s->columns);
    const int32_t end = is_inside ? edge_clamp(p->in_width + left, 0, s->columns) : left;
    const int8_t *from = in + (is_inside ? y * p->in_width * p->channels : 0);
    int32_t x = 0;
    for (; x < left; x++, to += LANES)
        vstrbq_s16(to, zero_point);
    for (; x < end; x++, to += LANES, from += p->channels)
        vstrbq_s16(to, vldrbq_z_s16(from, s->lanes));
    for (; x < s->columns; x++, to += LANES)
        vstrbq_s16(to, zero_point);
}

/* sum * multiplier, rounded twice; below 0 halves go down only in linear layers. */
static inline int32x4_t scale(int32x4_t sum, const int32_t *scales, int32_t tail)
{
    int32x4_t scaled = vqrdmulhq_s32(sum, vldrwq_s32(scales));
    if (tail == TAIL_LINEAR)
        scaled = vaddq_s32(scaled, vshrq_n_s32(scaled, 31));
    return vrshlq_s32(scaled, vldrwq_s32(scales + 8));
}

typedef struct {
    int32x4_t even, odd; /* channels */
} sums;

/* In int16, which holds two products but not three. */
static inline int16x8_t product(const int8_t *in, const int8_t *weights)
{
    return vmulq_s16(vldrbq_s16(in), vldrbq_s16(weights));
}

static inline sums add_products(sums to, int16x8_t products)
{
    to.even = vaddq_s32(to.even, vmovlbq_s16(products));
    to.odd = vaddq_s32(to.odd, vmovltq_s16(products));
    return to;
}

#define PRODUCT(product, in, in_at, weights_at) \
    "vldrb.s16 " product ", [" in ", #" in_at "]\n" \
    "vldrb.s16 q5, [%[weights], #" weights_at "]\n" \
    "vmul.i16 " product ", " product ", q5\n"
#define ADD_PAIR \
    "vadd.i16 q2, q2, q3\n" ADD_ONE
#define ADD_ONE \
    "vmovlb.s16 q4, q2\n" \
    "vadd.i32 %q[even], %q[even], q4\n" \
    "vmovlt.s16 q4, q2\n" \
    "vadd.i32 %q[odd], %q[odd], q4\n"

/* In assembly because gcc 12 adds up addresses instead of using offsets. */
static inline sums add_window_3x3(sums to, const int8_t *const rows[3], const int8_t *weights)
{
    __asm__ volatile(PRODUCT("q2", "%[top]", "0", "0") PRODUCT("q3", "%[top]", "8", "8") ADD_PAIR
            PRODUCT("q2", "%[top]", "16", "16") PRODUCT("q3", "%[middle]", "0", "24") ADD_PAIR
            PRODUCT("q2", "%[middle]", "8", "32") PRODUCT("q3", "%[middle]", "16", "40") ADD_PAIR
            PRODUCT("q2", "%[low]", "0", "48") PRODUCT("q3", "%[low]", "8", "56") ADD_PAIR
            PRODUCT("q2", "%[low]", "16", "64") ADD_ONE
            : [even] "+w"(to.even), [odd] "+w"(to.odd)
            : [top] "l"(rows[0]), [middle] "l"(rows[1]), [low] "l"(rows[2]),
              [weights] "l"(weights)
            : "q2", "q3", "q4", "q5", "memory");
    return to;
}

static inline void store_pixel(const strip *s, const octet *o, sums of, int8_t *out)
{
    const depthwise_conv2d_mve_s8_params *p = s->p;
    int16x8_t result = vqmovnbq_s32(vdupq_n_s16(0), scale(of.even, o->scales + 8, p->tail));
    result = vqmovntq_s32(result, scale(of.odd, o->scales + 12, p->tail));
    result = vqaddq_n_s16(result, (int16_t)p->out_zero_point);
    result = vmaxq_s16(result, vdupq_n_s16((int16_t)p->out_min));
    result = vminq_s16(result, vdupq_n_s16((int16_t)p->out_max));
    vstrbq_p_s16(out, result, s->lanes);
}

static void compute_row_3x3(const strip *s, const octet *o, int32_t first, int8_t *out)
{
    const int8_t *rows[3] = {slot(s, first), slot(s, first + 1), slot(s, first + 2)};
    const int32_t step = s->p->stride_width * LANES, pitch = s->p->channels;
    for (int32_t x = s->p->out_width; x > 0; x--, out += pitch) {
        const sums start = {vldrwq_s32(o->scales), vldrwq_s32(o->scales + 4)};
        store_pixel(s, o, add_window_3x3(start, rows, o->weights), out);
        for (int32_t tap_y = 0; tap_y < 3; tap_y++)
            rows[tap_y] += step;
    }
}

/* Any other kernel: tap by tap. */
static void compute_pixel(const strip *s, const octet *o, const int8_t *const *rows,
                          int32_t column, int8_t *out)
{
    const int8_t *weights = o->weights;
    sums of = {vldrwq_s32(o->scales), vldrwq_s32(o->scales + 4)};
    for (int32_t tap_y = 0; tap_y < s->p->kernel_height; tap_y++) {
        const int8_t *in = rows[tap_y] + column;
        for (int32_t left = s->p->kernel_width; left > 0; left--, in += LANES, weights += LANES)
            of = add_products(of, product(in, weights));
    }
    store_pixel(s, o, of, out);
}

#define MAX_ROWS 16
static void compute_row(const strip *s, const octet *o, int32_t first, int8_t *out)
{
    const depthwise_conv2d_mve_s8_params *p = s->p;
    const int8_t *rows[MAX_ROWS];
    const int32_t step = p->stride_width * LANES;
    for (int32_t tap_y = 0; tap_y < p->kernel_height; tap_y++)
        rows[tap_y] = slot(s, first + tap_y);
    for (int32_t x = 0, column = 0; x < p->out_width; x++, column += step) {
        compute_pixel(s, o, rows, column, out);
        out += p->channels;
    }
}

static void compute_octet(const strip *s, const octet *o, const int8_t *in, int8_t *out)
{
    const depthwise_conv2d_mve_s8_params *p = s->p;
    const int32_t is_3x3 = p->kernel_height == 3 && p->kernel_width == 3;
    int32_t loaded = 0; /* rows, counted from the uppermost of the padding */
    for (int32_t out_y = 0; out_y < p->out_height; out_y++) {
        const int32_t first = out_y * p->stride_height;
        if (loaded < first)
            loaded = first;
        for (; loaded < first + p->kernel_height; loaded++)
            load_row(s, in, loaded - p->pad_top);
        if (is_3x3)
            compute_row_3x3(s, o, first, out);
        else
            compute_row(s, o, first, out);
        out += p->out_width * p->channels;
    }
}

static int is_valid(const depthwise_conv2d_mve_s8_params *p)
{
    return p->in_height > 0 && p->in_width > 0 && p->channels > 0 && p->out_height > 0 &&
           p->out_width > 0 && p->kernel_height > 0 && p->kernel_height <= MAX_ROWS &&
           p->kernel_width > 0 && p->stride_height > 0 && p->stride_width > 0 &&
           p->pad_top >= 0 && p->pad_left >= 0 && edge_is_s8(p->in_zero_point) &&
           edge_is_s8(p->out_zero_point) && edge_is_s8(p->out_min) && edge_is_s8(p->out_max) &&
           p->out_min <= p->out_max;
}

int depthwise_conv2d_mve_s8(const depthwise_conv2d_mve_s8_params *p, const int8_t *in,
                            const uint32_t *weights, int8_t *out, void *scratch)
{
    if (!p || !in || !weights || !out || !scratch || !is_valid(p))
        return EDGE_BAD_ARG;
    const int32_t words = p->kernel_height * p->kernel_width * LANES / 4;
    strip s = {p, scratch, (p->out_width - 1) * p->stride_width + p->kernel_width, 0};
    for (int32_t channel = 0; channel < p->channels; channel += LANES) {
        const octet o = {(const int8_t *)weights, (const int32_t *)(weights + words)};
        s.lanes = vctp16q((uint32_t)(p->channels - channel));
        compute_octet(&s, &o, in + channel, out + channel);
        weights += words + SCALE_WORDS;
    }
    return EDGE_OK;
}
