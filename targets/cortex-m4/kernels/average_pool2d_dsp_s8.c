#include "average_pool2d_dsp_s8.h"

#include "edge_dsp.h"

#define RUN 255 /* bytes whose sum fits in 16 bits */

/* The int16 halves of sums, each plus byte 0 or 2 of x. */
static inline uint32_t sxtab16(uint32_t sums, uint32_t x)
{
    uint32_t result;
    __asm__("sxtab16 %0, %1, %2" : "=r"(result) : "r"(sums), "r"(x));
    return result;
}

/* The same with bytes 1 and 3. */
static inline uint32_t sxtab16_odd(uint32_t sums, uint32_t x)
{
    uint32_t result;
    __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(result) : "r"(sums), "r"(x));
    return result;
}

/* Adds up to RUN pixels of 4 channels to sums. */
static const int8_t *add_run(const int8_t *in, int32_t pixels, int32_t pitch, int32_t sums[4])
{
    uint32_t even = 0, odd = 0;
    for (; pixels > 0; pixels--, in += pitch) {
        const uint32_t word = edge_load_word(in);
        even = sxtab16(even, word);
        odd = sxtab16_odd(odd, word);
    }
    sums[0] += (int16_t)even;
    sums[1] += (int16_t)odd;
    sums[2] += (int32_t)even >> 16;
    sums[3] += (int32_t)odd >> 16;
    return in;
}

int average_pool2d_dsp_s8(const average_pool2d_dsp_s8_params *p, const int8_t *in, int8_t *out)
{
    if (!p || !in || !out || p->pixels <= 0 || p->channels <= 0 || p->channels % 4 != 0 ||
        !edge_is_s8(p->low) || !edge_is_s8(p->high) || p->low > p->high)
        return EDGE_BAD_ARG;
    for (int32_t channel = 0; channel < p->channels; channel += 4) {
        const int8_t *from = in + channel;
        int32_t sums[4] = {0, 0, 0, 0};
        for (int32_t left = p->pixels; left > 0; left -= RUN)
            from = add_run(from, left < RUN ? left : RUN, p->channels, sums);
        for (int32_t i = 0; i < 4; i++) {
            const int32_t half = sums[i] < 0 ? -(p->pixels / 2) : p->pixels / 2;
            *out++ = (int8_t)edge_clamp((sums[i] + half) / p->pixels, p->low, p->high);
        }
    }
    return EDGE_OK;
}
