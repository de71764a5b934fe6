/* How sums of 4 channels become bytes. */
#ifndef EDGE_MVE_SCALE_H
#define EDGE_MVE_SCALE_H

#include <arm_mve.h>

#include "edge_mve.h"

#define EDGE_SCALE_BYTES 48 /* biases, multipliers and shifts of 4 channels */

/* sum * multiplier / 2^31 * 2^shift, rounded twice.   tail: EDGE_TAIL_RECTIFIED, _LINEAR or _ANY. */
static inline int32x4_t edge_scale(int32x4_t sum, int32x4_t multiplier, int32x4_t shift,
                                   int32_t tail)
{
    if (tail == EDGE_TAIL_ANY) {
        const int32x4_t left = vmaxq_s32(shift, vdupq_n_s32(0));
        sum = vqrdmulhq_s32(vshlq_s32(sum, left), multiplier);
        shift = vsubq_s32(shift, left);
        return vrshlq_s32(vaddq_s32(sum, vshrq_n_s32(vandq_s32(sum, shift), 31)), shift);
    }
    sum = vqrdmulhq_s32(sum, multiplier);
    if (tail == EDGE_TAIL_LINEAR)
        sum = vaddq_s32(sum, vshrq_n_s32(sum, 31));
    return vrshlq_s32(sum, shift);
}

static inline int32x4_t edge_finish(int32x4_t scaled, int32_t zero_point, int32_t low,
                                    int32_t high)
{
    const int32x4_t moved = vqaddq_n_s32(scaled, zero_point);
    return vminq_s32(vmaxq_s32(moved, vdupq_n_s32(low)), vdupq_n_s32(high));
}

#endif
