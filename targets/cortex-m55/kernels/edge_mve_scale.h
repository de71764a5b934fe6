/* Sums of 4 channels: their dot products with one pixel, and how they become bytes. */
#ifndef EDGE_MVE_SCALE_H
#define EDGE_MVE_SCALE_H

#include <arm_mve.h>

#include "edge_mve.h"

#define EDGE_SCALE_BYTES 48 /* biases, multipliers and shifts of 4 channels */

/* The dot products of one pixel with the weights of 4 channels; moves *weights behind them.
 * weights [vector][4][16] and [4][rest rounded up to 4].   whole: a multiple of 16, or 0. */
static inline int32x4_t edge_dot_channels(int32_t whole, int32_t rest, const int8_t *pixel,
                                          const int8_t **weights)
{
    const int8_t *w = *weights;
    int32_t a = 0, b = 0, c = 0, d = 0;
    __asm__ volatile(
        "wls lr, %[vectors], 2f\n"
        "1: vldrb.8 q0, [%[pixel]], #16\n"
        "vldrb.8 q1, [%[w]], #16\n"
        "vmladava.s8 %[a], q0, q1\n"
        "vldrb.8 q2, [%[w]], #16\n"
        "vmladava.s8 %[b], q0, q2\n"
        "vldrb.8 q1, [%[w]], #16\n"
        "vmladava.s8 %[c], q0, q1\n"
        "vldrb.8 q2, [%[w]], #16\n"
        "vmladava.s8 %[d], q0, q2\n"
        "le lr, 1b\n"
        "2:\n"
        : [pixel] "+r"(pixel), [w] "+r"(w), [a] "+Te"(a), [b] "+Te"(b), [c] "+Te"(c),
          [d] "+Te"(d)
        : [vectors] "r"(whole / EDGE_VECTOR)
        : "q0", "q1", "q2", "lr", "memory");
    if (rest > 0) {
        const int8x16_t taps = vldrbq_z_s8(pixel, vctp8q((uint32_t)rest));
        const int32_t bytes = (rest + 3) & ~3;
        a = vmladavaq_s8(a, taps, vldrbq_s8(w));
        b = vmladavaq_s8(b, taps, vldrbq_s8(w + bytes));
        c = vmladavaq_s8(c, taps, vldrbq_s8(w + 2 * bytes));
        d = vmladavaq_s8(d, taps, vldrbq_s8(w + 3 * bytes));
        w += 4 * bytes;
    }
    *weights = w;
    int32x4_t sums = vdupq_n_s32(a);
    sums = vsetq_lane_s32(b, sums, 1);
    sums = vsetq_lane_s32(c, sums, 2);
    return vsetq_lane_s32(d, sums, 3);
}

/* sum * multiplier / 2^31 * 2^shift, rounded twice.   tail: EDGE_TAIL_... */
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
