/* The upper half of a product of a small and a large number from products of 32 bits. */
#ifndef EDGE_HIGH_H
#define EDGE_HIGH_H

#include "edgetool_kernels.h"

/* round(x * multiplier / 2^31), halves upwards; |x| < 2^23, multiplier >= 0.
 * x = 2^8 * upper + lower, multiplier = 2^16 * high + low: no partial sum leaves 32 bits, and
 * each shift is a floor of what its sum and all bits below it make, so that none is lost. */
static inline int32_t edge_multiply_high_of_small(int32_t x, int32_t multiplier)
{
    const int32_t upper = x >> 8, lower = x & 255;
    const int32_t high = multiplier >> 16, low = multiplier & 0xffff;
    const int32_t of_low = (upper * low + (int32_t)((uint32_t)(lower * low) >> 8)) >> 8;
    return (upper * high + ((lower * high + of_low + (1 << 14)) >> 8)) >> 7;
}

#endif
