/* From an int32 sum to an int8 output, one at a time; see docs/kernels.md, Requantization. */
#ifndef EDGE_DSP_TAILS_H
#define EDGE_DSP_TAILS_H

#include "edge_dsp_halves.h"

/* Weights and bias come shifted left and negative results are clamped away; sums are shifted here
 * and any result is right; or neither, and every multiplier and shift is served. */
#define EDGE_TAIL_SHIFTED_WEIGHTS 0
#define EDGE_TAIL_SHIFTED_SUMS 1
#define EDGE_TAIL_ANY 2

#define EDGE_PRAGMA(text) _Pragma(#text)
#define EDGE_UNROLL(times) EDGE_PRAGMA(GCC unroll times)

typedef struct {
    int32_t bias;            /* what sums start from */
    int32_t multiplier, addend, nudge, shift;
    int32_t low, high;       /* the clamp */
} edge_tail;

/* shift: to the left, 2 or more; with EDGE_TAIL_ANY as in edge_multiply_double_rounding. */
static inline edge_tail edge_prepare_tail(int32_t bias, int32_t multiplier, int32_t shift,
                                          int32_t zero_point, int kind)
{
    const int32_t saturating = kind == EDGE_TAIL_SHIFTED_WEIGHTS ? 12 : 16;
    edge_tail tail = {bias, multiplier, zero_point, 0, shift, -128, 127};
    if (kind != EDGE_TAIL_ANY) {
        tail.addend = edge_shift_left(1, shift - 2) + edge_shift_left(1, saturating - 1) +
                      edge_shift_left(zero_point, saturating);
        tail.nudge = edge_shift_left(-1, shift - 1);
    }
    return tail;
}

/* The output of a sum. kind, clamps: constants, of which the code is made. */
static inline __attribute__((always_inline)) int32_t edge_finish(
    const edge_tail *tail, int32_t sum, const int kind, const int clamps)
{
    int32_t result;
    if (kind == EDGE_TAIL_SHIFTED_WEIGHTS) {
        result = edge_saturate_12(edge_smmla_ordered(sum, tail->multiplier, tail->addend));
    } else if (kind == EDGE_TAIL_SHIFTED_SUMS) {
        const int32_t shifted = edge_shift_left(sum, tail->shift);
        const int32_t addend = tail->addend + (tail->nudge & (shifted >> 31));
        result = edge_saturate_16(edge_smmla_ordered(shifted, tail->multiplier, addend));
    } else {
        const int32_t scaled = edge_multiply_double_rounding(sum, tail->multiplier, tail->shift);
        result = scaled + tail->addend;
    }
    if (clamps || kind == EDGE_TAIL_ANY)
        result = edge_clamp(result, tail->low, tail->high);
    return result;
}

#endif
