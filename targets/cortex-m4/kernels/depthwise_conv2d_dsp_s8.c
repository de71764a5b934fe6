#include "depthwise_conv2d_dsp_s8.h"

#include "edge_dsp_depthwise.h"

#define TAPS 9
#define QUAD_WORDS 22

typedef struct {
    const depthwise_conv2d_dsp_s8_params *p;
    uint32_t *columns;
    uint32_t *first; /* column of the image, behind pad_left others */
    int32_t count;   /* of columns */
    int32_t copied;  /* of these, columns of the image */
    int32_t row;     /* bytes of an input row */
    int32_t bytes;   /* of these, of the columns */
} strip;

static uint32_t halves(int32_t low, int32_t high)
{
    return ((uint32_t)low & 0xffffu) | (uint32_t)high << 16;
}

/* Weight of a channel, shifted left. words: the taps of 4 channels. */
static int32_t weight(const uint32_t *words, int32_t tap, int32_t channel)
{
    const int32_t shift = (int32_t)(words[QUAD_WORDS - 1] >> 8 * channel & 0xffu);
    return edge_shift_left((int8_t)(words[tap] >> 8 * channel), shift);
}

/* From the order of the constants to the order of the code: channels a = 0 or 1, b = a + 2. */
static void unpack_quad(const uint32_t *words, edge_depthwise_quad *quad)
{
    const uint32_t *bias = words + TAPS, *scales = bias + 4;
    for (int32_t a = 0; a < 2; a++) {
        const int32_t b = a + 2;
        const int32_t left_a = (int32_t)(words[QUAD_WORDS - 1] >> 8 * a & 0xffu);
        const int32_t left_b = (int32_t)(words[QUAD_WORDS - 1] >> 8 * b & 0xffu);
        quad->bias[2 * a] = (int32_t)(bias[a] << left_a);
        quad->bias[2 * a + 1] = (int32_t)(bias[b] << left_b);
        for (int32_t x = 0; x < 3; x++) {
            uint32_t *to = quad->weights[x] + 3 * a;
            to[0] = halves(weight(words, x, b), weight(words, 3 + x, b));
            to[1] = halves(weight(words, 6 + x, a), weight(words, 6 + x, b));
            to[2] = halves(weight(words, x, a), weight(words, 3 + x, a));
        }
        for (int32_t kind = 0; kind < 2; kind++) {
            quad->scales[4 * a + 2 * kind] = (int32_t)scales[4 * kind + a];
            quad->scales[4 * a + 2 * kind + 1] = (int32_t)scales[4 * kind + b];
        }
    }
}

static void fill_columns(uint32_t *columns, int32_t count, int32_t zero_point)
{
    const uint32_t zero = halves(zero_point, zero_point);
    for (int32_t i = 0; i < count * EDGE_COLUMN_WORDS; i++)
        columns[i] = zero;
}

/* Puts the zero point in place of a row outside the image: 0, 1 or 2 of the strip. */
static __attribute__((noinline)) void blank_row(const strip *s, int32_t row)
{
    const uint32_t zero = halves(s->p->in_zero_point, s->p->in_zero_point);
    const uint32_t mask = row == 0 ? 0xffffu : 0xffff0000u;
    uint32_t *words = s->first;
    for (int32_t i = 0; i < 2 * s->copied; i++, words += 3) {
        if (row == 2) {
            words[1] = zero;
        } else {
            words[0] = (words[0] & ~mask) | (zero & mask);
            words[2] = (words[2] & ~mask) | (zero & mask);
        }
    }
}

/* The columns of windows that leave the image above or below. in: behind the row's columns. */
static __attribute__((noinline)) void widen_border(const strip *s, const int8_t *in, int32_t y)
{
    const int8_t *ends[3];
    uint32_t outside = 0;
    for (int32_t i = 0; i < 3; i++, y += s->p->dilation_height) {
        const int is_inside = y >= 0 && y < s->p->in_height;
        ends[i] = in + (is_inside ? y * s->row : 0);
        outside |= is_inside ? 0u : 1u << i;
    }
    edge_columns_3(s->first, ends, -s->bytes, s->p->channels);
    for (int32_t i = 0; i < 3; i++)
        if (outside >> i & 1u)
            blank_row(s, i);
}

static void compute_quad(const strip *s, const edge_depthwise_quad *quad, const int8_t *in,
                         int8_t *out)
{
    const depthwise_conv2d_dsp_s8_params *p = s->p;
    const int32_t step = p->stride_width * EDGE_COLUMN_WORDS;
    edge_depthwise_row row = {s->columns, s->columns + p->out_width * step, out, p->channels,
                              3 * EDGE_COLUMN_BYTES - 4 * step};
    int32_t y = -p->pad_top;
    const int32_t below = p->dilation_height * s->row;
    const int32_t last = p->in_height - 2 * p->dilation_height;
    in += s->bytes;
    fill_columns(s->columns, s->count, p->in_zero_point);
    for (int32_t out_y = 0; out_y < p->out_height; out_y++) {
        if (y >= 0 && y < last) {
            const int8_t *top = in + y * s->row;
            const int8_t *const ends[3] = {top, top + below, top + 2 * below};
            edge_columns_3(s->first, ends, -s->bytes, p->channels);
        } else {
            widen_border(s, in, y);
        }
        edge_depthwise_row_3x3(&row, quad);
        row.out += p->out_width * p->channels;
        y += p->stride_height;
    }
}

static void clamp_bytes(const depthwise_conv2d_dsp_s8_params *p, int8_t *out)
{
    const int32_t count = p->out_height * p->out_width * p->channels;
    for (int32_t i = 0; i < count; i++)
        out[i] = (int8_t)edge_clamp(out[i], p->out_min, p->out_max);
}

static int is_valid(const depthwise_conv2d_dsp_s8_params *p)
{
    return p->in_height > 0 && p->in_width > 0 && p->channels > 0 && p->channels % 4 == 0 &&
           p->out_height > 0 && p->out_width > 0 && p->stride_height > 0 &&
           p->stride_width > 0 && p->dilation_height > 0 && p->pad_top >= 0 && p->pad_left >= 0 &&
           edge_is_s8(p->in_zero_point) && edge_is_s8(p->out_min) && edge_is_s8(p->out_max) &&
           p->out_min <= p->out_max;
}

int depthwise_conv2d_dsp_s8(const depthwise_conv2d_dsp_s8_params *p, const int8_t *in,
                            const uint32_t *weights, int8_t *out, void *scratch)
{
    if (!p || !in || !weights || !out || !scratch || !is_valid(p))
        return EDGE_BAD_ARG;
    edge_depthwise_quad *quad = scratch;
    uint32_t *columns = (uint32_t *)(quad + 1);
    const int32_t count = (p->out_width - 1) * p->stride_width + 3;
    const int32_t copied = edge_clamp(count - p->pad_left, 0, p->in_width);
    const strip s = {p, columns, columns + p->pad_left * EDGE_COLUMN_WORDS,
                     count, copied, p->in_width * p->channels, copied * p->channels};
    if (copied == 0)
        return EDGE_BAD_ARG;
    for (int32_t channel = 0; channel < p->channels; channel += 4) {
        unpack_quad(weights, quad);
        compute_quad(&s, quad, in + channel, out + channel);
        weights += QUAD_WORDS;
    }
    if (p->out_min > -128 || p->out_max < 127)
        clamp_bytes(p, out);
    return EDGE_OK;
}
