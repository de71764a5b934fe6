/* Four bytes at a time, and one rounding for LiteRT's two, on cores with the DSP extension. */
#ifndef EDGE_DSP_BYTES_H
#define EDGE_DSP_BYTES_H

#include "edge_dsp.h"
#include "edge_dsp_halves.h"

/* The greater of each of 4 int8. */
static inline uint32_t edge_max_bytes(uint32_t a, uint32_t b)
{
    uint32_t result;
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(result) : "r"(a), "r"(b) : "cc");
    return result;
}

static inline void edge_store_word(int8_t *to, uint32_t word)
{
    memcpy(to, &word, 4);
}

static inline int32_t edge_saturate_byte(int32_t x)
{
    int32_t result;
    __asm__("ssat %0, #8, %1" : "=r"(result) : "r"(x));
    return result;
}

/* The sums of 4 neighbouring channels over `count` pixels, `pitch` bytes apart, added to sums; up
 * to 255 of them fit in 16 bits. Returns where the next pixel would be. */
static inline const int8_t *edge_add_pixels(const int8_t *in, int32_t count, int32_t pitch,
                                            int32_t sums[4])
{
    while (count > 0) {
        uint32_t even = 0, odd = 0;
        int32_t run = count < 255 ? count : 255;
        count -= run;
        for (; run > 0; run--, in += pitch) {
            const uint32_t word = edge_load_word(in);
            even = edge_sxtab16(even, word);
            odd = edge_sxtab16_odd(odd, word);
        }
        sums[0] += (int16_t)even;
        sums[1] += (int16_t)odd;
        sums[2] += (int32_t)even >> 16;
        sums[3] += (int32_t)odd >> 16;
    }
    return in;
}

/* The same for 8 neighbouring channels, of at most 255 pixels. */
static inline void edge_add_eight(const int8_t *in, int32_t count, int32_t pitch, int32_t sums[8])
{
    uint32_t even[2] = {0, 0}, odd[2] = {0, 0};
    for (; count > 0; count--, in += pitch) {
        const uint32_t word = edge_load_word(in), next = edge_load_word(in + 4);
        even[0] = edge_sxtab16(even[0], word);
        odd[0] = edge_sxtab16_odd(odd[0], word);
        even[1] = edge_sxtab16(even[1], next);
        odd[1] = edge_sxtab16_odd(odd[1], next);
    }
    for (int32_t i = 0; i < 2; i++, sums += 4) {
        sums[0] += (int16_t)even[i];
        sums[1] += (int16_t)odd[i];
        sums[2] += (int32_t)even[i] >> 16;
        sums[3] += (int32_t)odd[i] >> 16;
    }
}

/* x * multiplier / 2^31 * 2^shift + zero_point, rounded twice as LiteRT does and saturated to int8,
 * by one upper product: docs/kernels.md, Requantization. */
typedef struct {
    int32_t left, multiplier, addend, nudge;
} edge_short_scale;

/* Whether |x| <= largest leaves the short sequence exact. */
static inline int edge_has_short_scale(int32_t multiplier, int32_t shift, int32_t largest)
{
    const int32_t left = 17 + shift;
    return multiplier >= (int32_t)1 << 30 && left >= 2 && left <= 15 &&
           largest <= INT32_MAX >> left;
}

static inline edge_short_scale edge_make_short_scale(int32_t multiplier, int32_t shift,
                                                     int32_t zero_point)
{
    const int32_t left = 17 + shift;
    const edge_short_scale scale = {
        left, multiplier,
        edge_shift_left(1, left - 2) + edge_shift_left(1, 15) + edge_shift_left(zero_point, 16),
        edge_shift_left(-1, left - 1)};
    return scale;
}

/* shifted: x << scale->left. */
static inline int8_t edge_scale_shortly(const edge_short_scale *scale, int32_t shifted)
{
    const int32_t addend = scale->addend + (scale->nudge & (shifted >> 31));
    return (int8_t)edge_saturate_high(edge_smmla(shifted, scale->multiplier, addend));
}

#endif
