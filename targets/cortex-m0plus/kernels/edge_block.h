/* Sums of four pixels by four channels, one after the other, for Armv6-M: LDM brings the inputs,
 * the sums live in the upper registers, which only ADD and MOV reach. 10 instructions a tap and
 * channel, which is 4 products.
 * Loads of signed bytes need an index register, of unsigned bytes none: weights are stored plus
 * 128, and a header before the taps holds what that adds, -128 * sum(window), for each pixel. */
#ifndef EDGE_BLOCK_H
#define EDGE_BLOCK_H

#include "edgetool_kernels.h"

#define EDGE_BLOCK_PIXELS 4
#define EDGE_BLOCK_CHANNELS 4
#define EDGE_BLOCK_UNROLLED 8  /* taps; their number is a multiple of it */
#define EDGE_BLOCK_HEADER 1    /* taps that edge_begin_window fills */

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

/* taps: the header, then what edge_interleave wrote. */
static inline void edge_begin_window(edge_cell *taps, const edge_cell *end)
{
    int32_t a = 0, b = 0, c = 0, d = 0;
    for (const edge_cell *cell = taps + 4; cell != end; cell += 4) {
        a += cell[0];
        b += cell[1];
        c += cell[2];
        d += cell[3];
    }
    taps[0] = -128 * a;
    taps[1] = -128 * b;
    taps[2] = -128 * c;
    taps[3] = -128 * d;
}

/* bias [4] plus the products of windows with four channels, whose weights + 128 follow each
 * other: sums [channel][pixel]. */
#if defined(__thumb__)
__attribute__((naked, noinline)) static void edge_sum_block(
    __attribute__((unused)) const edge_cell *x, __attribute__((unused)) const edge_cell *end,
    __attribute__((unused)) const int8_t *w, __attribute__((unused)) const int32_t *bias,
    __attribute__((unused)) int32_t *sums)
{
    __asm__(
        ".syntax unified\n\t"
        "push {r4-r7, lr}\n\t"
        "mov r4, r8\n\t"
        "mov r5, r9\n\t"
        "mov r6, r10\n\t"
        "mov r7, r11\n\t"
        "push {r3-r7}\n\t"
        "mov r12, r0\n\t"
        "ldr r3, [sp, #40]\n\t"
        "adds r3, #64\n\t"
        "mov lr, r3\n"
        "1:\n\t"
        "mov r0, r12\n\t"
        "ldmia r0!, {r4-r7}\n\t"
        "mov r8, r4\n\t"
        "mov r9, r5\n\t"
        "mov r10, r6\n\t"
        "mov r11, r7\n\t"
        "ldr r4, [sp]\n\t"
        "ldmia r4!, {r3}\n\t"
        "str r4, [sp]\n\t"
        "add r8, r3\n\t"
        "add r9, r3\n\t"
        "add r10, r3\n\t"
        "add r11, r3\n"
        "2:\n\t"
        ".set edge_tap, 0\n\t"
        ".rept 8\n\t"
        "ldrb r3, [r2, #edge_tap]\n\t"
        "ldmia r0!, {r4-r7}\n\t"
        "muls r4, r3, r4\n\t"
        "add r8, r4\n\t"
        "muls r5, r3, r5\n\t"
        "add r9, r5\n\t"
        "muls r6, r3, r6\n\t"
        "add r10, r6\n\t"
        "muls r7, r3, r7\n\t"
        "add r11, r7\n\t"
        ".set edge_tap, edge_tap + 1\n\t"
        ".endr\n\t"
        "adds r2, #8\n\t"
        "cmp r0, r1\n\t"
        "bne 2b\n\t"
        "ldr r3, [sp, #40]\n\t"
        "mov r4, r8\n\t"
        "mov r5, r9\n\t"
        "mov r6, r10\n\t"
        "mov r7, r11\n\t"
        "stmia r3!, {r4-r7}\n\t"
        "str r3, [sp, #40]\n\t"
        "cmp r3, lr\n\t"
        "bne 1b\n\t"
        "pop {r3-r7}\n\t"
        "mov r8, r4\n\t"
        "mov r9, r5\n\t"
        "mov r10, r6\n\t"
        "mov r11, r7\n\t"
        "pop {r4-r7, pc}\n\t");
}
#else
static void edge_sum_block(const edge_cell *x, const edge_cell *end, const int8_t *w,
                           const int32_t *bias, int32_t *sums)
{
    for (int32_t i = 0; i < 16; i++)
        sums[i] = bias[i / 4] + x[i % 4];
    const int32_t taps = (int32_t)(end - x) / 4 - 1;
    for (int32_t tap = 0; tap < taps; tap++)
        for (int32_t i = 0; i < 16; i++)
            sums[i] += x[4 + 4 * tap + i % 4] * (uint8_t)w[i / 4 * taps + tap];
}
#endif

#endif
