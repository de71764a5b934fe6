/* What every kernel shares: return codes, the two functions of libc, fixed-point arithmetic.
 * C99, freestanding: no header but the compiler's own, no heap, no statics.
 * Where out may overlap in by its lead, in must begin so many bytes behind out as edgetool
 * computes for the layer (KernelCall.lead_bytes); apart they always may be. */
#ifndef EDGETOOL_KERNELS_H
#define EDGETOOL_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EDGE_OK 0
#define EDGE_BAD_ARG 1

/* The bound of a clamp that clamps nothing, the alignment of an array, and a function that keeps
 * its registers to itself: inlined into loops around it, an inner loop loses them. */
#if defined(__GNUC__)
#define EDGE_INFINITY (__builtin_inff())
#define EDGE_ALIGNED(bytes) __attribute__((aligned(bytes)))
#define EDGE_NOINLINE __attribute__((noinline))
#else
#define EDGE_INFINITY (1.0f / 0.0f)
#define EDGE_ALIGNED(bytes)
#define EDGE_NOINLINE
#endif

/* <string.h> does not exist in every freestanding toolchain; the functions must. */
extern void *memcpy(void *destination, const void *source, size_t count);
extern void *memset(void *destination, int value, size_t count);

/* x << n modulo 2^32; n 0..31. */
static inline int32_t edge_shift_left(int32_t x, int32_t n)
{
    return (int32_t)((uint32_t)x << n);
}

/* round(x * multiplier / 2^31), halves upwards. Not for x = multiplier = INT32_MIN.
 * gemmlowp's SaturatingRoundingDoublingHighMul. */
static inline int32_t edge_multiply_high(int32_t x, int32_t multiplier)
{
    return (int32_t)(((int64_t)x * multiplier + ((int64_t)1 << 30)) >> 31);
}

/* x / 2^exponent, halves away from zero; exponent 0..31. gemmlowp's RoundingDivideByPOT. */
static inline int32_t edge_divide_by_power_of_two(int32_t x, int32_t exponent)
{
    const int32_t mask = (int32_t)(((uint32_t)1 << exponent) - 1u);
    const int32_t threshold = (mask >> 1) + (x < 0);
    return (x >> exponent) + ((x & mask) > threshold);
}

/* x * multiplier / 2^31 * 2^shift, rounded after the product and after the shift;
 * multiplier >= 0, shift -31..31. */
static inline int32_t edge_multiply_double_rounding(int32_t x, int32_t multiplier, int32_t shift)
{
    const int32_t left = shift > 0 ? shift : 0;
    const int32_t right = shift > 0 ? 0 : -shift;
    return edge_divide_by_power_of_two(
        edge_multiply_high(edge_shift_left(x, left), multiplier), right);
}

/* Number of bits up to the highest 1; x > 0. */
static inline int32_t edge_bit_length(uint64_t x)
{
    int32_t length = 0;
    for (int32_t step = 32; step > 0; step >>= 1) {
        if (x >> step) {
            x >>= step;
            length += step;
        }
    }
    return length + 1;
}

/* x * (mantissa / 2^shift) as doubles multiply, rounded once, halves away from zero, limited to
 * -65535..65535.  mantissa 0 or 2^52..2^53 - 1; shift 33..94.
 * The product of up to 84 bits is high * 2^32 + low. A double keeps 53 of them: where that makes
 * the product reach a half, half a unit of its last place is the carry out of low. */
static inline int32_t edge_multiply_real(int32_t x, uint64_t mantissa, int32_t shift)
{
    const uint32_t magnitude = x < 0 ? 0u - (uint32_t)x : (uint32_t)x;
    const uint64_t low = (mantissa & 0xffffffffu) * magnitude;
    uint64_t high = (mantissa >> 32) * magnitude + (low >> 32);
    const int32_t dropped = high ? edge_bit_length(high) + 32 - 53 : 0;
    if (dropped > 0)
        high += ((low & 0xffffffffu) + ((uint64_t)1 << (dropped - 1))) >> 32;
    const uint64_t rounded = (high + ((uint64_t)1 << (shift - 33))) >> (shift - 32);
    const int32_t limited = rounded < 65535u ? (int32_t)rounded : 65535;
    return x < 0 ? -limited : limited;
}

/* Whether x is in the range of int8. */
static inline int edge_is_s8(int32_t x)
{
    return x >= -128 && x <= 127;
}

/* Whether x is in the range of int16. */
static inline int edge_is_s16(int32_t x)
{
    return x >= -32768 && x <= 32767;
}

static inline int32_t edge_clamp(int32_t x, int32_t low, int32_t high)
{
    return x < low ? low : (x > high ? high : x);
}

static inline float edge_clamp_f32(float x, float low, float high)
{
    return x < low ? low : (x > high ? high : x);
}

#ifdef __cplusplus
}
#endif

#endif
