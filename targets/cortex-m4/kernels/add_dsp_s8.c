#include "add_dsp_s8.h"

#include "edge_dsp.h"

#define HALF_BITS 19  /* operands times 2^20, times one half */
#define TWICE_BITS 21 /* operands times 2^20, doubled for SMMULR */

/* round(x * y / 2^32), halves upwards. */
static inline int32_t smmulr(int32_t x, int32_t y)
{
    int32_t result;
    __asm__("smmulr %0, %1, %2" : "=r"(result) : "r"(x), "r"(y));
    return result;
}

static inline int32_t smmlar(int32_t x, int32_t y, int32_t addend)
{
    int32_t result;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(x), "r"(y), "r"(addend));
    return result;
}

static inline int32_t saturate(int32_t x)
{
    int32_t result;
    __asm__("ssat %0, #8, %1" : "=r"(result) : "r"(x));
    return result;
}

static int is_valid(const add_dsp_s8_params *p)
{
    return p->count > 0 && edge_is_s8(p->a_zero_point) && edge_is_s8(p->b_zero_point) &&
           edge_is_s8(p->out_zero_point) && p->b_multiplier >= 0 && p->out_multiplier >= 0 &&
           p->b_shift >= 0 && p->b_shift <= 31 && p->out_shift >= 1 && p->out_shift <= 21 &&
           edge_is_s8(p->low) && edge_is_s8(p->high) && p->low <= p->high;
}

int add_dsp_s8(const add_dsp_s8_params *p, const int8_t *a, const int8_t *b, int8_t *out)
{
    if (!p || !a || !b || !out || !is_valid(p))
        return EDGE_BAD_ARG;
    /* A right shift by n rounds halves away from zero: add 2^(n - 1), less one below zero. */
    const int32_t b_half = p->b_shift > 0 ? edge_shift_left(1, p->b_shift - 1) : 0;
    const int32_t b_sign = p->b_shift > 0 ? -1 : 0;
    const int32_t b_shift = p->b_shift, b_multiplier = p->b_multiplier;
    const int32_t a_zero = edge_shift_left(-p->a_zero_point, HALF_BITS);
    const int32_t b_zero = edge_shift_left(-p->b_zero_point, TWICE_BITS);
    const int32_t out_shift = p->out_shift, out_multiplier = p->out_multiplier;
    const int32_t out_half =
        edge_shift_left(1, out_shift - 1) + edge_shift_left(p->out_zero_point, out_shift);
    const int is_clamped = p->low > -128 || p->high < 127;
    int8_t *to = out;
    for (const int8_t *end = a + p->count; a < end; a++) {
        const int32_t left = a_zero + edge_shift_left(*a, HALF_BITS);
        int32_t right = smmulr(b_zero + edge_shift_left(*b++, TWICE_BITS), b_multiplier);
        right = (right + b_half + ((right >> 31) & b_sign)) >> b_shift;
        const int32_t sum = left + right;
        const int32_t scaled =
            smmlar(edge_shift_left(sum, 1), out_multiplier, out_half + (sum >> 31)) >> out_shift;
        *to++ = (int8_t)saturate(scaled);
    }
    for (int32_t i = 0; is_clamped && i < p->count; i++)
        out[i] = (int8_t)edge_clamp(out[i], p->low, p->high);
    return EDGE_OK;
}
