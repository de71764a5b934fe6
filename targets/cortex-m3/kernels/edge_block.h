/* Sums of six pixels by four channels, two channels at a time, in words of edge_triple.h, for
 * Armv7-M: eight words of sums, two weights and two of a tap's words fill the registers, which
 * compilers do not manage; LDM brings two words at once. 12 instructions a tap, which is 12 products. */
#ifndef EDGE_BLOCK_H
#define EDGE_BLOCK_H

#include "edge_triple.h"

#define EDGE_BLOCK_UNROLLED 8 /* taps; those of a segment are a multiple of it */
#define EDGE_BLOCK_OFFSETS 0  /* words a segment that edge_begin_segment fills */

/* offsets: of the segment with the taps x .. end - 1. */
static inline void edge_begin_segment(const uint32_t *x, const uint32_t *end, uint32_t *offsets)
{
    (void)x;
    (void)end;
    (void)offsets;
}

/* bias [4] plus the products of the taps x .. end - 1 [4] with four channels, of which two and two
 * lie side by side: sums [4][4], of each channel two words for three pixels and two for the other
 * three. */
#if defined(__thumb2__)
__attribute__((naked, noinline)) static void edge_sum_block(
    __attribute__((unused)) const uint32_t *x, __attribute__((unused)) const uint32_t *end,
    __attribute__((unused)) const int8_t *w, __attribute__((unused)) const int32_t *bias,
    __attribute__((unused)) uint32_t *sums, __attribute__((unused)) const uint32_t *offsets)
{
    __asm__(
        "push {r0-r11, lr}\n\t"
        "ldr r4, [sp, #52]\n\t"
        "adds r4, #64\n\t"
        "str r4, [sp, #8]\n"
        "1:\n\t"
        "ldrd r5, r9, [r3], #8\n\t"
        "str r3, [sp, #12]\n\t"
        "ldr r0, [sp]\n\t"
        "add r4, r5, r5, lsl #21\n\t"
        "add r5, r5, r5, lsl #10\n\t"
        "add r8, r9, r9, lsl #21\n\t"
        "add r9, r9, r9, lsl #10\n\t"
        "mov r6, r4\n\t"
        "mov r7, r5\n\t"
        "mov r10, r8\n\t"
        "mov r11, r9\n"
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
static void edge_sum_block(const uint32_t *x, const uint32_t *end, const int8_t *w,
                           const int32_t *bias, uint32_t *sums, const uint32_t *offsets)
{
    const int32_t taps = (int32_t)(end - x) / 4;
    (void)offsets;
    for (int32_t i = 0; i < 16; i++)
        sums[i] = i % 2 ? edge_second_word(bias[i / 4], bias[i / 4])
                        : edge_first_word(bias[i / 4], bias[i / 4]);
    for (int32_t tap = 0; tap < taps; tap++)
        for (int32_t i = 0; i < 16; i++) {
            const uint32_t weight = (uint32_t)w[2 * (i / 8 * taps + tap) + i / 4 % 2];
            sums[i] += x[4 * tap + i % 4] * weight;
        }
}
#endif

#endif
