/* Pooling windows along one axis. */
#ifndef EDGE_WINDOW_H
#define EDGE_WINDOW_H

#include "edgetool_kernels.h"

/* Positions begin..end-1. */
typedef struct {
    int32_t begin, end;
} edge_span;

/* The part of a window that lies in 0..size-1; origin may be negative. */
static inline edge_span edge_window(int32_t origin, int32_t kernel, int32_t size)
{
    const edge_span span = {edge_clamp(origin, 0, size), edge_clamp(origin + kernel, 0, size)};
    return span;
}

/* Whether the sizes are legal and every window meets the input. */
static inline int edge_windows_meet(
    int32_t size, int32_t kernel, int32_t stride, int32_t pad, int32_t out)
{
    return size > 0 && kernel > 0 && stride > 0 && pad >= 0 && pad < kernel && out > 0
        && (out - 1) * stride - pad < size;
}

#endif
