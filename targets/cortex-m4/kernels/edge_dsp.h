/* What the kernels for cores with the DSP extension share (Armv7E-M, Armv8-M with DSP). */
#ifndef EDGE_DSP_H
#define EDGE_DSP_H

#include "edgetool_kernels.h"

#if !defined(__ARM_FEATURE_DSP)
#error "these kernels need the DSP extension (Cortex-M4, M7, M33): compile the model for this core"
#endif

/* A function that is nothing but its assembly; callers in other files see the usual call. */
#if defined(__clang__)
#define EDGE_NAKED __attribute__((naked, noinline))
#else
#define EDGE_NAKED __attribute__((naked, noinline, noipa))
#endif
#define EDGE_UNUSED __attribute__((unused))

/* Bytes 0 and 2 of x as two int16. */
static inline uint32_t edge_sxtb16(uint32_t x)
{
    uint32_t result;
    __asm__("sxtb16 %0, %1" : "=r"(result) : "r"(x));
    return result;
}

/* Bytes 1 and 3 of x as two int16. */
static inline uint32_t edge_sxtb16_odd(uint32_t x)
{
    uint32_t result;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(result) : "r"(x));
    return result;
}

/* sum + both products of the int16 halves. */
static inline int32_t edge_smlad(uint32_t x, uint32_t y, int32_t sum)
{
    int32_t result;
    __asm__("smlad %0, %1, %2, %3" : "=r"(result) : "r"(x), "r"(y), "r"(sum));
    return result;
}

/* The upper half of x * y + (addend << 32). */
static inline int32_t edge_smmla(int32_t x, int32_t y, int32_t addend)
{
    int32_t result;
    __asm__("smmla %0, %1, %2, %3" : "=r"(result) : "r"(x), "r"(y), "r"(addend));
    return result;
}

/* x / 2^16, rounded down and saturated to int8. */
static inline int32_t edge_saturate_high(int32_t x)
{
    int32_t result;
    __asm__("ssat %0, #8, %1, asr #16" : "=r"(result) : "r"(x));
    return result;
}

/* Four bytes at any address. */
static inline uint32_t edge_load_word(const int8_t *from)
{
    uint32_t word;
    memcpy(&word, from, 4);
    return word;
}

#endif
