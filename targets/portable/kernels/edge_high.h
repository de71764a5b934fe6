/* The upper half of a product of a small and a large number.
 * A core without a long multiply brings its own edge_high.h. */
#ifndef EDGE_HIGH_H
#define EDGE_HIGH_H

#include "edgetool_kernels.h"

/* round(x * multiplier / 2^31), halves upwards; |x| < 2^23, multiplier >= 0.
 * Doubling x leaves the result in a product's upper word, the rounding bit above the lower. */
static inline int32_t edge_multiply_high_of_small(int32_t x, int32_t multiplier)
{
    const int64_t product = (int64_t)(x * 2) * multiplier;
    return (int32_t)(product >> 32) + (int32_t)((uint32_t)product >> 31);
}

#endif
