/* A core with an instruction that saturates brings its own edge_saturate.h. */
#ifndef EDGE_SATURATE_H
#define EDGE_SATURATE_H

#include "edgetool_kernels.h"

/* x / 2^16, rounded down and clamped to -128..127. */
static inline int8_t edge_saturate_high(int32_t x)
{
    return (int8_t)edge_clamp(x >> 16, -128, 127);
}

#endif
