/* What the kernels for cores with Helium share (Armv8.1-M with the integer vector extension). */
#ifndef EDGE_MVE_H
#define EDGE_MVE_H

#include "edgetool_kernels.h"

#if !defined(__ARM_FEATURE_MVE)
#error "these kernels need Helium (Cortex-M55, M85): compile the model for this core"
#endif

#define EDGE_VECTOR 16 /* bytes of a vector */
#define EDGE_LANES 4   /* int32 of a vector */

/* How sums become bytes: right shifts only in layers whose lower clamp is the zero point or above
 * it; right shifts of 1 and more; any shift; the same left shift for all, then as linear. */
#define EDGE_TAIL_RECTIFIED 0
#define EDGE_TAIL_LINEAR 1
#define EDGE_TAIL_ANY 2
#define EDGE_TAIL_PRECISE 3

/* A function whose callers see the usual call, whatever it is seen to do: VPR, which predicates
 * change, cannot be named among what assembly changes. And one that is nothing but assembly, on a
 * word, which the addresses that it computes are relative to. */
#if defined(__clang__)
#define EDGE_OPAQUE __attribute__((noinline))
#else
#define EDGE_OPAQUE __attribute__((noinline, noipa))
#endif
#define EDGE_NAKED EDGE_OPAQUE __attribute__((naked, aligned(4)))
#define EDGE_UNUSED __attribute__((unused))

/* Copies bytes, 16 at once; returns the end of the copy.   bytes >= 0. */
static inline int8_t *edge_copy(int8_t *to, const int8_t *from, int32_t bytes)
{
    int8_t *const end = to + bytes;
    __asm__ volatile(
        "wlstp.8 lr, %2, 2f\n"
        "1: vldrb.8 q0, [%1], #16\n"
        "vstrb.8 q0, [%0], #16\n"
        "letp lr, 1b\n"
        "2:\n"
        : "+r"(to), "+r"(from)
        : "r"(bytes)
        : "q0", "lr", "memory");
    return end;
}

/* Fills bytes, 16 at once; returns their end.   bytes >= 0. */
static inline int8_t *edge_fill(int8_t *to, int32_t value, int32_t bytes)
{
    int8_t *const end = to + bytes;
    __asm__ volatile(
        "vdup.8 q0, %1\n"
        "wlstp.8 lr, %2, 2f\n"
        "1: vstrb.8 q0, [%0], #16\n"
        "letp lr, 1b\n"
        "2:\n"
        : "+r"(to)
        : "r"(value), "r"(bytes)
        : "q0", "lr", "memory");
    return end;
}

#endif
