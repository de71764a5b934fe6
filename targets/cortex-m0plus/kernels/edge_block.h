/* Sums of six pixels by four channels, one after the other, in words of edge_triple.h, for Armv6-M:
 * LDM brings a tap's words, the sums live in the upper registers, which only ADD and MOV reach.
 * 10 instructions a tap and channel, which is 6 products.
 * Loads of signed bytes need an index register, of unsigned bytes none: weights are stored plus
 * 128, and a segment's offsets hold what takes that back, -128 * sum(taps), for each word. */
#ifndef EDGE_BLOCK_H
#define EDGE_BLOCK_H

#include "edge_triple.h"

#define EDGE_BLOCK_UNROLLED 8 /* taps; those of a segment are a multiple of it */
#define EDGE_BLOCK_OFFSETS 4  /* words a segment that edge_begin_segment fills */

/* offsets: of the segment with the taps x .. end - 1. */
static inline void edge_begin_segment(const uint32_t *x, const uint32_t *end, uint32_t *offsets)
{
    uint32_t a = 0, b = 0, c = 0, d = 0;
    for (; x != end; x += 4) {
        a -= x[0];
        b -= x[1];
        c -= x[2];
        d -= x[3];
    }
    offsets[0] = a << 7;
    offsets[1] = b << 7;
    offsets[2] = c << 7;
    offsets[3] = d << 7;
}

/* bias [4] plus the products of the taps x .. end - 1 [4] with four channels, whose weights + 128
 * follow each other: sums [4][4], of each channel two words for three pixels and two for the other
 * three.   offsets [4]: the segment's. */
#if defined(__thumb__)
__attribute__((naked, noinline)) static void edge_sum_block(
    __attribute__((unused)) const uint32_t *x, __attribute__((unused)) const uint32_t *end,
    __attribute__((unused)) const int8_t *w, __attribute__((unused)) const int32_t *bias,
    __attribute__((unused)) uint32_t *sums, __attribute__((unused)) const uint32_t *offsets)
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
        "ldr r3, [sp]\n\t"
        "ldmia r3!, {r4}\n\t"
        "str r3, [sp]\n\t"
        "lsls r5, r4, #10\n\t"
        "adds r5, r4\n\t"
        "lsls r6, r4, #21\n\t"
        "adds r4, r6\n\t"
        "ldr r3, [sp, #44]\n\t"
        "ldr r6, [r3]\n\t"
        "adds r6, r4\n\t"
        "mov r8, r6\n\t"
        "ldr r6, [r3, #4]\n\t"
        "adds r6, r5\n\t"
        "mov r9, r6\n\t"
        "ldr r6, [r3, #8]\n\t"
        "adds r6, r4\n\t"
        "mov r10, r6\n\t"
        "ldr r6, [r3, #12]\n\t"
        "adds r6, r5\n\t"
        "mov r11, r6\n"
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
static void edge_sum_block(const uint32_t *x, const uint32_t *end, const int8_t *w,
                           const int32_t *bias, uint32_t *sums, const uint32_t *offsets)
{
    const int32_t taps = (int32_t)(end - x) / 4;
    for (int32_t i = 0; i < 16; i++)
        sums[i] = offsets[i % 4] + (i % 2 ? edge_second_word(bias[i / 4], bias[i / 4])
                                          : edge_first_word(bias[i / 4], bias[i / 4]));
    for (int32_t tap = 0; tap < taps; tap++)
        for (int32_t i = 0; i < 16; i++) {
            const uint8_t weight = (uint8_t)w[i / 4 * taps + tap];
            sums[i] += x[4 * tap + i % 4] * weight;
        }
}
#endif

#endif
