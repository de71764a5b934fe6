#include "edge_dsp_stage.h"

#include "edge_dsp_gather.h"

/* x, of which the compiler must not know where it comes from: it would make calls of memcpy and
 * memset of loops over a few bytes. */
static inline uint32_t opaque(uint32_t x)
{
    __asm__("" : "+r"(x));
    return x;
}

static inline void copy_word(int8_t *to, const int8_t *from)
{
    const uint32_t word = opaque(edge_load_word(from));
    memcpy(to, &word, 4);
}

/* Word by word; the last word overlaps the one before. */
static inline int8_t *copy_run(int8_t *to, const int8_t *from, int32_t bytes)
{
    int8_t *const end = to + bytes;
    if (bytes >= 4) {
        const int8_t *const last = from + bytes - 4;
        for (; from < last; to += 4, from += 4)
            copy_word(to, from);
        copy_word(end - 4, last);
    } else {
        while (to < end)
            *to++ = (int8_t)opaque((uint32_t)*from++);
    }
    return end;
}

int8_t *edge_fill(int8_t *to, int32_t value, int32_t count)
{
    for (int8_t *const end = to + count; to < end;)
        *to++ = (int8_t)opaque((uint32_t)value);
    return to;
}

/* One stretch of a kernel row: bytes left of the image, within it, right of it. */
typedef struct {
    int32_t left, within, right;
} edges;

static edges edges_of(const edge_dsp_conv2d_params *p, int32_t x, int32_t taps)
{
    const int32_t first = edge_clamp(-x, 0, taps);
    const int32_t end = edge_clamp(p->in_width - x, first, taps);
    const edges found = {first * p->in_channels, (end - first) * p->in_channels,
                         (taps - end) * p->in_channels};
    return found;
}

static inline int8_t *stage_run(const edges *at, int32_t zero_point, const int8_t *in,
                                int32_t offset, int8_t *to)
{
    if (at->left > 0)
        to = edge_fill(to, zero_point, at->left);
    if (at->within > 0)
        to = copy_run(to, in + (offset + at->left), at->within);
    return at->right > 0 ? edge_fill(to, zero_point, at->right) : to;
}

/* A kernel row of which some may lie beside the image: its first stretch, then tap by tap where
 * they are dilated. */
static int8_t *stage_row(const edge_dsp_conv2d_params *p, const edges *first, int32_t x,
                         const int8_t *in, int32_t offset, int8_t *to)
{
    to = stage_run(first, p->in_zero_point, in, offset, to);
    if (p->dilation_width == 1)
        return to;
    for (int32_t tap = 1; tap < p->kernel_width; tap++) {
        const int32_t right = tap * p->dilation_width;
        const edges next = edges_of(p, x + right, 1);
        to = stage_run(&next, p->in_zero_point, in, offset + right * p->in_channels, to);
    }
    return to;
}

void edge_stage_window(const edge_dsp_conv2d_params *p, const int8_t *in, edge_corner at,
                       int8_t *staged)
{
    const int32_t taps = p->dilation_width > 1 ? 1 : p->kernel_width;
    const int32_t row_bytes = p->kernel_width * p->in_channels, row = p->in_width * p->in_channels;
    const int32_t step = p->dilation_height * row;
    const int32_t below = at.y + (p->kernel_height - 1) * p->dilation_height;
    const edges first = edges_of(p, at.x, taps);
    int32_t offset = at.y * row + at.x * p->in_channels;
    int8_t *to = staged;
    if (first.within == row_bytes && row_bytes >= 4 && at.y >= 0 && below < p->in_height) {
        to = edge_copy_rows(to, in + offset, row_bytes, p->kernel_height, step);
    } else {
        for (int32_t y = at.y; y <= below; y += p->dilation_height, offset += step)
            to = (uint32_t)y < (uint32_t)p->in_height
                     ? stage_row(p, &first, at.x, in, offset, to)
                     : edge_fill(to, p->in_zero_point, row_bytes);
    }
    const int32_t rest = -(int32_t)(to - staged) & 3;
    if (rest)
        edge_fill(to, 0, rest);
}

const int8_t *edge_pad_image(const edge_dsp_conv2d_params *p, const int8_t *in,
                             edge_dsp_conv2d_params *padded, int8_t **staged)
{
    const int32_t below = (p->kernel_height - 1) * p->dilation_height;
    const int32_t right = (p->kernel_width - 1) * p->dilation_width;
    *padded = *p;
    padded->in_height = (int16_t)((p->out_height - 1) * p->stride_height + below + 1);
    padded->in_width = (int16_t)((p->out_width - 1) * p->stride_width + right + 1);
    padded->pad_top = padded->pad_left = 0;
    const int8_t *const image = *staged;
    const int32_t row = p->in_width * p->in_channels;
    const edges at = edges_of(p, -p->pad_left, padded->in_width);
    int8_t *to = *staged;
    for (int32_t y = -p->pad_top; y < padded->in_height - p->pad_top; y++)
        to = (uint32_t)y < (uint32_t)p->in_height
                 ? stage_run(&at, p->in_zero_point, in, y * row - at.left, to)
                 : edge_fill(to, p->in_zero_point, padded->in_width * p->in_channels);
    *staged = edge_fill(to, 0, -(int32_t)(to - *staged) & 3);
    return image;
}

/* Four bytes, each the larger (the smaller) of x's and the limit's. */
static inline uint32_t larger_bytes(uint32_t x, uint32_t limit)
{
    uint32_t result;
    __asm__("ssub8 %0, %1, %2\n sel %0, %1, %2" : "=&r"(result) : "r"(x), "r"(limit));
    return result;
}

static inline uint32_t smaller_bytes(uint32_t x, uint32_t limit)
{
    uint32_t result;
    __asm__("ssub8 %0, %2, %1\n sel %0, %1, %2" : "=&r"(result) : "r"(x), "r"(limit));
    return result;
}

void edge_clamp_bytes(int8_t *bytes, int32_t count, int32_t low, int32_t high)
{
    const uint32_t lows = 0x01010101u * (uint8_t)low, highs = 0x01010101u * (uint8_t)high;
    for (; count >= 4; count -= 4, bytes += 4) {
        const uint32_t word = smaller_bytes(larger_bytes(edge_load_word(bytes), lows), highs);
        memcpy(bytes, &word, 4);
    }
    for (; count > 0; count--, bytes++)
        *bytes = (int8_t)edge_clamp(*bytes, low, high);
}
