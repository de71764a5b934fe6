#include "edge_dsp_gather.h"

/* Four taps of 3 pixels. */
#define WIDEN_FOUR \
    "ldr r4, [r0], #4\n ldr r5, [r1], #4\n ldr r6, [r2], #4\n" \
    "sxtb16 r7, r4\n sxtb16 r8, r5\n sxtb16 r9, r6\n" \
    "stm r12!, {r7-r9}\n" \
    "sxtb16 r4, r4, ror #8\n sxtb16 r5, r5, ror #8\n sxtb16 r6, r6, ror #8\n" \
    "stm r12!, {r4-r6}\n"

/* Registers: r0-r2 the pixels; r3 from the end of a stretch to the next; r4-r9 words;
 * r10 groups; r11 rows; r12 columns; lr groups that are left, two a round. */
EDGE_NAKED uint32_t *edge_widen_3(uint32_t *columns EDGE_UNUSED,
                                  const int8_t *const in[3] EDGE_UNUSED,
                                  int32_t groups EDGE_UNUSED, int32_t rows EDGE_UNUSED,
                                  int32_t row EDGE_UNUSED)
{
    __asm__ volatile(
        "push {r4-r11, lr}\n"
        "mov r12, r0\n"
        "mov r10, r2\n"
        "mov r11, r3\n"
        "ldr r3, [sp, #36]\n"
        "sub r3, r3, r10, lsl #2\n"
        "ldm r1, {r0-r2}\n"
        "1: tst r10, #1\n"
        "add lr, r10, #1\n"
        "bne.w 3f\n"
        "mov lr, r10\n"
        "2:\n" WIDEN_FOUR
        "3:\n" WIDEN_FOUR
        "subs lr, lr, #2\n"
        "bne.w 2b\n"
        "subs r11, r11, #1\n"
        "add r0, r0, r3\n add r1, r1, r3\n add r2, r2, r3\n"
        "bne.w 1b\n"
        "mov r0, r12\n"
        "pop {r4-r11, pc}\n");
}

/* Registers: r0, r1 to and from; r2 bytes less 4; r3 rows; r4 from row to row; r5 end of the row,
 * less 4; r6 a word. The last word of a row overlaps the one before. */
EDGE_NAKED int8_t *edge_copy_rows(int8_t *to EDGE_UNUSED, const int8_t *from EDGE_UNUSED,
                                  int32_t bytes EDGE_UNUSED, int32_t rows EDGE_UNUSED,
                                  int32_t row EDGE_UNUSED)
{
    __asm__ volatile(
        "push {r4-r6, lr}\n"
        "ldr r4, [sp, #16]\n"
        "sub r4, r4, r2\n"
        "subs r2, r2, #4\n"
        "1: add r5, r1, r2\n"
        "b 3f\n"
        "2: ldr r6, [r1], #4\n"
        "str r6, [r0], #4\n"
        "3: cmp r1, r5\n"
        "blo 2b\n"
        "ldr r6, [r5]\n"
        "sub r1, r5, r1\n" /* 0 or below: how far the last word starts before r0 */
        "str r6, [r0, r1]\n"
        "add r0, r0, r1\n"
        "adds r0, r0, #4\n"
        "add r1, r5, #4\n"
        "add r1, r1, r4\n"
        "subs r3, r3, #1\n"
        "bne 1b\n"
        "pop {r4-r6, pc}\n");
}
