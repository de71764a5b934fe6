/* Layers of int16 activations with int8 weights: sums of 48 bits, scaled by 15-bit multipliers. */
#ifndef EDGE_WIDE_H
#define EDGE_WIDE_H

#include "edgetool_kernels.h"

/* So many products of int16 and int8 fit in int32. */
#define EDGE_WIDE_RUN 512

/* The sum of count products of neighbouring elements. */
static inline int64_t edge_wide_dot(const int16_t *in, const int8_t *weights, int32_t count)
{
    int64_t total = 0;
    while (count > 0) {
        const int32_t run = count < EDGE_WIDE_RUN ? count : EDGE_WIDE_RUN;
        int32_t sum = 0;
        for (int32_t i = 0; i < run; i++)
            sum += *in++ * *weights++;
        total += sum;
        count -= run;
    }
    return total;
}

/* The same of elements that lie in_step and weight_step apart. */
static inline int64_t edge_wide_dot_apart(const int16_t *in, int32_t in_step,
                                          const int8_t *weights, int32_t weight_step,
                                          int32_t count)
{
    int64_t total = 0;
    while (count > 0) {
        const int32_t run = count < EDGE_WIDE_RUN ? count : EDGE_WIDE_RUN;
        int32_t sum = 0;
        for (int32_t i = 0; i < run; i++, in += in_step, weights += weight_step)
            sum += *in * *weights;
        total += sum;
        count -= run;
    }
    return total;
}

/* Taps begin..end - 1 of a window, those that lie in the image. */
typedef struct {
    int32_t begin, end;
} edge_wide_taps;

static inline edge_wide_taps edge_wide_inside(
    int32_t origin, int32_t dilation, int32_t kernel, int32_t size)
{
    const int32_t before = origin < 0 ? (dilation - 1 - origin) / dilation : 0;
    const int32_t fitting = origin < size ? (size - 1 - origin) / dilation + 1 : 0;
    const edge_wide_taps taps = {before, fitting < kernel ? fitting : kernel};
    return taps;
}

/* sum * multiplier / 2^shift, rounded once, halves up, then clamped.
 * |sum| < 2^47, multiplier 0..2^15 - 1, shift 8..46. */
static inline int16_t edge_wide_scale(
    int64_t sum, int16_t multiplier, int8_t shift, int32_t low, int32_t high)
{
    const int64_t scaled = (sum * multiplier + ((int64_t)1 << (shift - 1))) >> shift;
    return (int16_t)(scaled < low ? low : (scaled > high ? high : scaled));
}

#endif
