#include "edge_mve_depthwise.h"

/* Registers: r0 r4 r6 r12 sums of 4 channels (VMLADAV writes even registers only); r1 outputs;
 * r2 stream; r3 zero point; r5 step; r7 step of outputs; r8 r9 r10 r11 windows; lr pixels.
 * q0..q3 weights; q4 taps, then sums; q5 taps, then what sums meet; q6 multipliers; q7 shifts.
 * Frame: */
#define LOW "[sp, #0]"
#define HIGH "[sp, #16]"
#define TAPS "[sp, #32]"
#define PIXELS "[sp, #36]"
#define CHANNELS "[sp, #40]"
#define NEXT_WINDOWS "[sp, #44]"
#define BODY "[sp, #52]"

#define WEIGHTS(weights) \
    "vpst\n" \
    "vldrbt.8 " weights ", [r2]\n" \
    "add r2, r2, r0\n"

/* Windows may follow each other at a step that the code knows (3 by 3, stride 1), or at any. */
#define NEXT_3 ", #3"
#define NEXT_ANY ""
#define ADVANCE_3 ""
#define ADVANCE_ANY \
    "add r8, r8, r5\n add r9, r9, r5\n add r10, r10, r5\n add r11, r11, r5\n"

#define SUMS(next) \
    "vldrb.8 q4, [r8]" next "\n" \
    "vmladav.s8 r0, q0, q4\n" \
    "vldrb.8 q5, [r9]" next "\n" \
    "vmladav.s8 r4, q1, q5\n" \
    "vldrb.8 q4, [r10]" next "\n" \
    "vmladav.s8 r6, q2, q4\n" \
    "vldrb.8 q5, [r11]" next "\n" \
    "vmladav.s8 r12, q3, q5\n"

/* Sums below zero move down by one, so that their halves round away from zero. */
#define NUDGE \
    "vshr.s32 q5, q4, #31\n" \
    "vadd.i32 q4, q4, q5\n"

#define BODY_OF(next, advance, nudge) \
    "9:\n" SUMS(next) advance \
    "vldrw.32 q5, [r2]\n" \
    "vmov q4[2], q4[0], r0, r6\n" \
    "vmov q4[3], q4[1], r4, r12\n" \
    "vadd.i32 q4, q4, q5\n" \
    "vqrdmulh.s32 q4, q4, q6\n" nudge \
    "vldrw.32 q5, " LOW "\n" \
    "vrshl.s32 q4, q4, q7\n" \
    "vqadd.s32 q4, q4, r3\n" \
    "vmax.s32 q4, q4, q5\n" \
    "vldrw.32 q5, " HIGH "\n" \
    "vmin.s32 q4, q4, q5\n" \
    "vpst\n" \
    "vstrbt.32 q4, [r1]\n" \
    "add r1, r1, r7\n" \
    "le lr, 9b\n"

EDGE_NAKED void edge_convolve_row(const edge_depthwise_row *row EDGE_UNUSED)
{
    __asm__ volatile(
        "push {r4-r11, lr}\n"
        "vpush {d8-d15}\n"
        "sub sp, sp, #60\n" /* with 9 registers pushed, a multiple of 8 bytes */
        "ldrd r4, r5, [r0, #56]\n"
        "vdup.32 q4, r4\n"
        "vdup.32 q5, r5\n"
        "vstrw.32 q4, " LOW "\n"
        "vstrw.32 q5, " HIGH "\n"
        "ldm r0!, {r8-r11}\n"
        "ldm r0!, {r1, r2, r3, r5, r7}\n"    /* out, stream, zero point, both steps */
        "ldm r0, {r0, r4, r6, r12, lr}\n"    /* taps, pixels, channels, windows_step, tail */
        "strd r0, r4, " TAPS "\n"            /* and PIXELS */
        "str r6, " CHANNELS "\n"
        "mls r12, r4, r5, r12\n"             /* from behind the last pixel to the next quad */
        "mul r6, r4, r7\n"
        "rsb r6, r6, #4\n"
        "strd r12, r6, " NEXT_WINDOWS "\n"   /* and NEXT_OUT */
        "cmp r5, #3\n"
        "ite eq\n"
        "adreq.w r6, 2f + 1\n"
        "adrne.w r6, 4f + 1\n"
        "cmp lr, #0\n"
        "beq 1f\n"
        "cmp r5, #3\n"
        "ite eq\n"
        "adreq.w r6, 3f + 1\n"
        "adrne.w r6, 5f + 1\n"
        "1: str r6, " BODY "\n"

        "0: ldr r0, " TAPS "\n"
        "vctp.8 r0\n"
        WEIGHTS("q0") WEIGHTS("q1") WEIGHTS("q2") WEIGHTS("q3")
        "vldrw.32 q6, [r2, #16]\n"
        "vldrw.32 q7, [r2, #32]\n"
        "ldr r0, " CHANNELS "\n"
        "vctp.32 r0\n"
        "ldr lr, " PIXELS "\n"
        "ldr pc, " BODY "\n"

        "2:\n" BODY_OF(NEXT_3, ADVANCE_3, "") "b.w 6f\n"
        "3:\n" BODY_OF(NEXT_3, ADVANCE_3, NUDGE) "b.w 6f\n"
        "4:\n" BODY_OF(NEXT_ANY, ADVANCE_ANY, "") "b.w 6f\n"
        "5:\n" BODY_OF(NEXT_ANY, ADVANCE_ANY, NUDGE)

        "6: add r2, r2, #48\n"
        "ldr r0, " CHANNELS "\n"
        "subs r0, r0, #4\n"
        "str r0, " CHANNELS "\n"
        "ldrd r4, r6, " NEXT_WINDOWS "\n"    /* and NEXT_OUT */
        "add r8, r8, r4\n"
        "add r9, r9, r4\n"
        "add r10, r10, r4\n"
        "add r11, r11, r4\n"
        "add r1, r1, r6\n"
        "bgt.w 0b\n"
        "add sp, sp, #60\n"
        "vpop {d8-d15}\n"
        "pop {r4-r11, pc}\n");
}
