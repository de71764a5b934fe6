/* Requantization of sums that are known to be small: fewer instructions than the general form. */
#ifndef EDGE_PRODUCT_H
#define EDGE_PRODUCT_H

#include "edge_high.h"
#include "edgetool_kernels.h"

/* What edge_requantize adds before its shift: the zero point and half of the last place. */
static inline int32_t edge_rounding(int32_t zero_point, int32_t right)
{
    return edge_shift_left(2 * zero_point + 1, right - 1);
}

/* x * multiplier / 2^31 / 2^right + zero_point, rounded after the product and after the shift.
 * |x| < 2^23, multiplier >= 0, right 1..22; rounding: edge_rounding(zero_point, right).
 * The second rounding takes halves away from zero: a floor, after taking 1 off negative x. */
static inline int32_t edge_requantize(
    int32_t x, int32_t multiplier, int32_t right, int32_t rounding)
{
    const int32_t high = edge_multiply_high_of_small(x, multiplier);
    return (high + (high >> 31) + rounding) >> right;
}

#endif
