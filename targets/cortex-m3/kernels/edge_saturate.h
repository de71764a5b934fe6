/* Saturation by the core's SSAT instruction. */
#ifndef EDGE_SATURATE_H
#define EDGE_SATURATE_H

#include "edgetool_kernels.h"

/* x / 2^16, rounded down and clamped to -128..127. */
static inline int8_t edge_saturate_high(int32_t x)
{
#if defined(__ARM_FEATURE_SAT)
    int32_t saturated;
    __asm__("ssat %0, #8, %1, asr #16" : "=r"(saturated) : "r"(x));
    return (int8_t)saturated;
#else
    return (int8_t)edge_clamp(x >> 16, -128, 127);
#endif
}

#endif
