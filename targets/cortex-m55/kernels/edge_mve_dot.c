#include "edge_mve_dot.h"

/* Registers: r0 r2 r4 r6 sums of the first pixel, r8 r10 r12 lr of the second (VMLADAVA adds to
 * even registers only); r1 weights; r3, r5 pixels; r7 rounds; r11 channels left.
 * q0, q1 taps of the pixels; q2, q3 weights; q5 zero point; q6, q7 clamp.
 * Frame: */
#define PIXELS "[sp, #0]"
#define OUT "[sp, #8]"
#define LOOP "[sp, #16]"
#define REST "[sp, #24]"
#define TAIL "[sp, #28]"

/* One channel of both pixels; a load and two multiplications keep both units busy. */
#define MULTIPLY(weights, first, second) \
    "vmladava.s8 " first ", " weights ", q0\n" \
    "vmladava.s8 " second ", " weights ", q1\n"

/* 128 multiply-accumulates in 14 instructions of 4 bytes. */
#define CHUNK \
    "vldrb.8 q0, [r3], #16\n" \
    "vldrb.8 q1, [r5], #16\n" \
    "vldrb.8 q2, [r1], #16\n" MULTIPLY("q2", "r0", "r8") \
    "vldrb.8 q3, [r1], #16\n" MULTIPLY("q3", "r2", "r10") \
    "vldrb.8 q2, [r1], #16\n" MULTIPLY("q2", "r4", "r12") \
    "vldrb.8 q3, [r1], #16\n" MULTIPLY("q3", "r6", "lr")

/* Weights of one channel behind the last whole chunk, r7 bytes; taps read as 0 meet the others. */
#define REST_OF(first, second) \
    "vldrb.8 q2, [r1]\n add r1, r1, r7\n" MULTIPLY("q2", first, second)

#define BOTH(operation, operand) \
    operation " q0, q0, " operand "\n" \
    operation " q1, q1, " operand "\n"

/* Sums below zero move down by one, so that their halves round away from zero. */
#define NUDGE(sum) \
    "vshr.s32 q2, " sum ", #31\n" \
    "vadd.i32 " sum ", " sum ", q2\n"

/* The same where the shift in q3 is to the right. */
#define NUDGE_IF_SHIFTED(sum) \
    "vand q2, " sum ", q3\n" \
    "vshr.s32 q2, q2, #31\n" \
    "vadd.i32 " sum ", " sum ", q2\n"

EDGE_NAKED void edge_dot_2x4(const edge_dot_block *block EDGE_UNUSED,
                             const uint32_t *weights EDGE_UNUSED)
{
    __asm__ volatile(
        "push {r4-r11, lr}\n"
        "vpush {d8-d15}\n"
        "sub sp, sp, #36\n" /* with 9 registers pushed, a multiple of 8 bytes */
        "ldm r0!, {r2-r9}\n"
        "stm sp, {r2-r9}\n"
        "ldm r0, {r2-r5}\n"
        "vdup.32 q5, r2\n"
        "mov r11, r3\n"
        "vdup.32 q6, r4\n"
        "vdup.32 q7, r5\n"

        "1: ldm r1!, {r0, r2, r4, r6}\n"
        "ldrd r3, r5, " PIXELS "\n"
        "ldrd r9, r7, " LOOP "\n"
        "mov r8, r0\n mov r10, r2\n mov r12, r4\n mov lr, r6\n"
        "add pc, r9\n"
        "nop\n"
        "2:\n"
        CHUNK CHUNK CHUNK CHUNK
        "subs r7, r7, #1\n"
        "bne.w 2b\n"
        "ldr r7, " REST "\n"
        "cbz r7, 3f\n"
        "vctp.8 r7\n"
        "vpstt\n"
        "vldrbt.8 q0, [r3]\n"
        "vldrbt.8 q1, [r5]\n"
        "add r7, r7, #3\n"
        "bic r7, r7, #3\n"
        REST_OF("r0", "r8") REST_OF("r2", "r10") REST_OF("r4", "r12") REST_OF("r6", "lr")

        "3: vmov q0[2], q0[0], r0, r4\n"
        "vmov q0[3], q0[1], r2, r6\n"
        "vmov q1[2], q1[0], r8, r12\n"
        "vmov q1[3], q1[1], r10, lr\n"
        "vldrw.32 q2, [r1], #16\n"
        "vldrw.32 q3, [r1], #16\n"
        "ldr r7, " TAIL "\n"
        "cbnz r7, 5f\n"
        BOTH("vqrdmulh.s32", "q2")

        "4:\n"
        BOTH("vrshl.s32", "q3")
        BOTH("vqadd.s32", "q5")
        BOTH("vmax.s32", "q6")
        BOTH("vmin.s32", "q7")
        "ldrd r3, r5, " OUT "\n"
        "vctp.32 r11\n"
        "vpstt\n"
        "vstrbt.32 q0, [r3], #4\n"
        "vstrbt.32 q1, [r5], #4\n"
        "strd r3, r5, " OUT "\n"
        "subs r11, r11, #4\n"
        "bgt.w 1b\n"
        "add sp, sp, #36\n"
        "vpop {d8-d15}\n"
        "pop {r4-r11, pc}\n"

        "5: cmp r7, #1\n"
        "bne 6f\n" /* EDGE_TAIL_LINEAR */
        BOTH("vqrdmulh.s32", "q2")
        NUDGE("q0")
        NUDGE("q1")
        "b 4b\n"

        "6: vmov.i32 q4, #0\n" /* EDGE_TAIL_ANY */
        "vmax.s32 q4, q3, q4\n"
        BOTH("vshl.s32", "q4")
        BOTH("vqrdmulh.s32", "q2")
        "vsub.i32 q3, q3, q4\n"
        NUDGE_IF_SHIFTED("q0")
        NUDGE_IF_SHIFTED("q1")
        "b 4b\n");
}
