/* Products and packing of int16 halves, each one instruction. The order of these statements is
 * kept, so that no more values are alive than there are registers. */
#ifndef EDGE_DSP_HALVES_H
#define EDGE_DSP_HALVES_H

#include "edgetool_kernels.h"

/* sum + products of halves of x and y: of both, or low (b) and high (t) ones of x, then of y. */
#define EDGE_PRODUCT(name) \
    static inline int32_t edge_##name(uint32_t x, uint32_t y, int32_t sum) \
    { \
        int32_t result; \
        __asm__ volatile(#name " %0, %1, %2, %3" : "=r"(result) : "r"(x), "r"(y), "r"(sum)); \
        return result; \
    }

EDGE_PRODUCT(smlabb)
EDGE_PRODUCT(smlabt)
EDGE_PRODUCT(smlatb)
EDGE_PRODUCT(smlatt)

/* sum + both products of the int16 halves, in order. */
static inline int32_t edge_smlad_ordered(uint32_t x, uint32_t y, int32_t sum)
{
    int32_t result;
    __asm__ volatile("smlad %0, %1, %2, %3" : "=r"(result) : "r"(x), "r"(y), "r"(sum));
    return result;
}

/* The upper half of x * y + (addend << 32), in order. */
static inline int32_t edge_smmla_ordered(int32_t x, int32_t y, int32_t addend)
{
    int32_t result;
    __asm__ volatile("smmla %0, %1, %2, %3" : "=r"(result) : "r"(x), "r"(y), "r"(addend));
    return result;
}

/* x / 2^12 and x / 2^16, rounded down and saturated to int8. */
static inline int32_t edge_saturate_12(int32_t x)
{
    int32_t result;
    __asm__ volatile("ssat %0, #8, %1, asr #12" : "=r"(result) : "r"(x));
    return result;
}

static inline int32_t edge_saturate_16(int32_t x)
{
    int32_t result;
    __asm__ volatile("ssat %0, #8, %1, asr #16" : "=r"(result) : "r"(x));
    return result;
}

/* The int16 halves of addends, plus bytes 0 and 2 of x, or 1 and 3. */
static inline uint32_t edge_sxtab16(uint32_t addends, uint32_t x)
{
    uint32_t result;
    __asm__("sxtab16 %0, %1, %2" : "=r"(result) : "r"(addends), "r"(x));
    return result;
}

static inline uint32_t edge_sxtab16_odd(uint32_t addends, uint32_t x)
{
    uint32_t result;
    __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(result) : "r"(addends), "r"(x));
    return result;
}

/* The low halves of both, low's below, or the high halves. */
static inline uint32_t edge_low_halves(uint32_t low, uint32_t high)
{
    uint32_t result;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(result) : "r"(low), "r"(high));
    return result;
}

static inline uint32_t edge_high_halves(uint32_t low, uint32_t high)
{
    uint32_t result;
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(result) : "r"(high), "r"(low));
    return result;
}

#endif
