/* Sums of four pixels by four channels, two at a time, for Armv7-M: eight sums, two weights and two inputs fill
 * the registers, LDM brings two inputs at once. 12 instructions a tap, which is 8 products. */
#ifndef EDGE_BLOCK_H
#define EDGE_BLOCK_H

#include "edgetool_kernels.h"

#define EDGE_BLOCK_PIXELS 4
#define EDGE_BLOCK_CHANNELS 4
#define EDGE_BLOCK_UNROLLED 8  /* taps; their number is a multiple of it */
#define EDGE_BLOCK_HEADER 0    /* taps that edge_begin_window fills */

typedef int32_t edge_cell;  /* one input element of a window */

/* to [count][4] from runs of `count`; returns the end. */
static inline edge_cell *edge_interleave(
    edge_cell *to, const int8_t *const *runs, int32_t count)
{
    const int8_t *a = runs[0], *b = runs[1], *c = runs[2], *d = runs[3];
    for (; count > 0; count--, to += 4) {
        const int32_t e = *a++, f = *b++, g = *c++, h = *d++;
        to[0] = e;
        to[1] = f;
        to[2] = g;
        to[3] = h;
    }
    return to;
}

static inline void edge_begin_window(edge_cell *taps, const edge_cell *end)
{
    (void)taps;
    (void)end;
}

/* bias [4] plus the products of windows with four channels, of which two and two have their
 * weights side by side: sums [channel][pixel]. */
#if defined(__thumb2__)
__attribute__((naked, noinline)) static void edge_sum_block(
    __attribute__((unused)) const edge_cell *x, __attribute__((unused)) const edge_cell *end,
    __attribute__((unused)) const int8_t *w, __attribute__((unused)) const int32_t *bias,
    __attribute__((unused)) int32_t *sums)
{
    __asm__(
        "push {r0-r11, lr}\n\t"
        "ldr r4, [sp, #52]\n\t"
        "adds r4, #64\n\t"
        "str r4, [sp, #8]\n"
        "1:\n\t"
        "ldrd r4, r8, [r3], #8\n\t"
        "str r3, [sp, #12]\n\t"
        "ldr r0, [sp]\n\t"
        "mov r5, r4\n\t"
        "mov r6, r4\n\t"
        "mov r7, r4\n\t"
        "mov r9, r8\n\t"
        "mov r10, r8\n\t"
        "mov r11, r8\n"
        "2:\n\t"
        ".rept 8\n\t"
        "ldrsb r1, [r2], #1\n\t"
        "ldrsb r3, [r2], #1\n\t"
        "ldmia r0!, {r12, lr}\n\t"
        "mla r4, r12, r1, r4\n\t"
        "mla r5, lr, r1, r5\n\t"
        "mla r8, r12, r3, r8\n\t"
        "mla r9, lr, r3, r9\n\t"
        "ldmia r0!, {r12, lr}\n\t"
        "mla r6, r12, r1, r6\n\t"
        "mla r7, lr, r1, r7\n\t"
        "mla r10, r12, r3, r10\n\t"
        "mla r11, lr, r3, r11\n\t"
        ".endr\n\t"
        "ldr r1, [sp, #4]\n\t"
        "cmp r0, r1\n\t"
        "bne 2b\n\t"
        "ldr r0, [sp, #52]\n\t"
        "stmia r0!, {r4-r11}\n\t"
        "str r0, [sp, #52]\n\t"
        "ldrd r1, r3, [sp, #8]\n\t"
        "cmp r0, r1\n\t"
        "bne 1b\n\t"
        "pop {r0-r11, pc}\n\t");
}
#else
static void edge_sum_block(const edge_cell *x, const edge_cell *end, const int8_t *w,
                           const int32_t *bias, int32_t *sums)
{
    const int32_t taps = (int32_t)(end - x) / 4;
    for (int32_t i = 0; i < 16; i++)
        sums[i] = bias[i / 4];
    for (int32_t tap = 0; tap < taps; tap++)
        for (int32_t i = 0; i < 16; i++)
            sums[i] += x[4 * tap + i % 4] * w[2 * (i / 8 * taps + tap) + i / 4 % 2];
}
#endif

#endif
