/* What every kernel shares: return codes, the two functions of libc, fixed-point arithmetic.
 * C99, freestanding: no header but the compiler's own, no heap, no statics. */
#ifndef EDGETOOL_KERNELS_H
#define EDGETOOL_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EDGE_OK 0
#define EDGE_BAD_ARG 1

/* The bound of a clamp that clamps nothing. */
#if defined(__GNUC__)
#define EDGE_INFINITY (__builtin_inff())
#else
#define EDGE_INFINITY (1.0f / 0.0f)
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

/* x * multiplier / 2^31 * 2^shift, rounded once, halves upwards;
 * multiplier >= 0, shift -31..30; the result must fit in int32. */
static inline int32_t edge_multiply_single_rounding(int32_t x, int32_t multiplier, int32_t shift)
{
    const int32_t total = 31 - shift;
    return (int32_t)(((int64_t)x * multiplier + ((int64_t)1 << (total - 1))) >> total);
}

/* Whether x is in the range of int8. */
static inline int edge_is_s8(int32_t x)
{
    return x >= -128 && x <= 127;
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
