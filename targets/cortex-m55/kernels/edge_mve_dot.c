#include "edge_mve_dot.h"

/* Two pixels times 4 channels. Registers: r0 r2 r4 r6 sums of the first pixel, r8 r10 r12 lr of the
 * second (VMLADAVA adds to even registers only); r1 weights; r3, r5 pixels; r7 end of the first
 * pixel's whole vectors; r11 channels left.
 * q0, q1 taps of the pixels; q2, q3 weights; q5 zero point; q6, q7 clamp.
 * Frame: */
#define PIXELS "[sp, #0]"
#define WEIGHTS_WHOLE "[sp, #8]"
#define WEIGHTS "[sp, #8]"
#define WHOLE "[sp, #12]"
#define ENTRY "[sp, #16]"
#define AFTER "[sp, #20]"
#define TAIL "[sp, #24]"
#define REST "[sp, #28]"
#define CHANNELS "[sp, #32]"
#define FIRST_OUT "[sp, #36]"
#define STEP "[sp, #40]"
#define PAIRS "[sp, #44]"
#define OUTS "[sp, #48]"
#define LEFT_SHIFT "[sp, #56]"

/* One channel of both pixels; a load and two multiplications keep both units busy. */
#define MULTIPLY(operation, weights, first, second) \
    operation " " first ", " weights ", q0\n" \
    operation " " second ", " weights ", q1\n"

/* 128 multiply-accumulates in 14 instructions of 4 bytes. */
#define VECTOR(operation) \
    "vldrb.8 q0, [r3], #16\n" \
    "vldrb.8 q1, [r5], #16\n" \
    "vldrb.8 q2, [r1], #16\n" MULTIPLY(operation, "q2", "r0", "r8") \
    "vldrb.8 q3, [r1], #16\n" MULTIPLY(operation, "q3", "r2", "r10") \
    "vldrb.8 q2, [r1], #16\n" MULTIPLY(operation, "q2", "r4", "r12") \
    "vldrb.8 q3, [r1], #16\n" MULTIPLY(operation, "q3", "r6", "lr")
#define FIRST_VECTOR VECTOR("vmladav.s8")
#define NEXT_VECTOR VECTOR("vmladava.s8")

/* Weights of one channel behind the last whole vector, r7 bytes; taps read as 0 meet the others. */
#define REST_OF(first, second) \
    "vldrb.8 q2, [r1]\n add r1, r1, r7\n" MULTIPLY("vmladava.s8", "q2", first, second)

/* The code for a layer's tail, as an address to jump to: 5, 7, 8 or 9 by register tail. */
#define FIND_TAIL(found, tail) \
    "adr.w " found ", 5f + 1\n" \
    "cmp " tail ", #1\n" \
    "it eq\n" \
    "adreq.w " found ", 7f + 1\n" \
    "cmp " tail ", #2\n" \
    "it eq\n" \
    "adreq.w " found ", 8f + 1\n" \
    "it gt\n" \
    "adrgt.w " found ", 9f + 1\n"

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

EDGE_NAKED static void dot_2x4(const edge_dot_layer *layer EDGE_UNUSED,
                               const edge_dot_run *pairs EDGE_UNUSED)
{
    __asm__ volatile(
        "push {r4-r11, lr}\n"
        "vpush {d8-d15}\n"
        "sub sp, sp, #60\n" /* with 9 registers pushed, a multiple of 8 bytes */
        "ldr r11, [r0, #36]\n" /* edge_dot_layer */
        "str r11, " LEFT_SHIFT "\n"
        "ldm r0, {r2-r10}\n"
        "vdup.32 q5, r8\n"
        "vdup.32 q6, r9\n"
        "vdup.32 q7, r10\n"
        "ldm r1, {r8-r11}\n" /* edge_dot_run */
        "strd r2, r3, " WEIGHTS_WHOLE "\n"
        "adr.w r0, 2f + 1\n"
        "add r0, r0, r4\n"
        "cmp r5, #0\n"
        "ite eq\n"
        "adreq.w r1, 4f + 1\n"
        "adrne.w r1, 3f + 1\n"
        "strd r0, r1, " ENTRY "\n"
        FIND_TAIL("r2", "r6")
        "strd r2, r5, " TAIL "\n"
        "strd r7, r10, " CHANNELS "\n"
        "add r5, r8, r9\n"
        "strd r8, r5, " PIXELS "\n"
        "lsl r9, r9, #1\n"
        "strd r9, r11, " STEP "\n"

        "0: ldr r3, " PIXELS "\n"
        "ldrd r1, r7, " WEIGHTS_WHOLE "\n"
        "add r7, r7, r3\n"
        "ldrd r11, r4, " CHANNELS "\n" /* and FIRST_OUT */
        "add r5, r4, r11\n"
        "strd r4, r5, " OUTS "\n"

        "1: ldrd r3, r5, " PIXELS "\n"
        FIRST_VECTOR
        "ldr pc, " ENTRY "\n"
        "2:\n"
        NEXT_VECTOR NEXT_VECTOR NEXT_VECTOR NEXT_VECTOR
        "cmp r3, r7\n"
        "bne.w 2b\n"
        "ldr pc, " AFTER "\n"

        "3: ldr r7, " REST "\n"
        "vctp.8 r7\n"
        "vpstt\n"
        "vldrbt.8 q0, [r3]\n"
        "vldrbt.8 q1, [r5]\n"
        "add r7, r7, #3\n"
        "bic r7, r7, #3\n"
        REST_OF("r0", "r8") REST_OF("r2", "r10") REST_OF("r4", "r12") REST_OF("r6", "lr")
        "mov r7, r3\n"

        "4: vmov q0[2], q0[0], r0, r4\n"
        "vmov q0[3], q0[1], r2, r6\n"
        "vmov q1[2], q1[0], r8, r12\n"
        "vmov q1[3], q1[1], r10, lr\n"
        "vldrw.32 q2, [r1], #16\n"
        BOTH("vadd.i32", "q2")
        "vldrw.32 q2, [r1], #16\n"
        "vldrw.32 q3, [r1], #16\n"
        "ldr pc, " TAIL "\n"

        "5:\n" /* EDGE_TAIL_RECTIFIED */
        BOTH("vqrdmulh.s32", "q2")
        "6:\n"
        BOTH("vrshl.s32", "q3")
        BOTH("vqadd.s32", "q5")
        BOTH("vmax.s32", "q6")
        BOTH("vmin.s32", "q7")
        "ldrd r3, r5, " OUTS "\n"
        "vctp.32 r11\n"
        "vpstt\n"
        "vstrbt.32 q0, [r3], #4\n"
        "vstrbt.32 q1, [r5], #4\n"
        "strd r3, r5, " OUTS "\n"
        "subs r11, r11, #4\n"
        "bgt.w 1b\n"

        "ldrd r0, r4, " CHANNELS "\n"
        "add r4, r4, r0, lsl #1\n"
        "str r4, " FIRST_OUT "\n"
        "ldrd r3, r5, " PIXELS "\n"
        "ldrd r0, r1, " STEP "\n"
        "add r3, r3, r0\n"
        "add r5, r5, r0\n"
        "strd r3, r5, " PIXELS "\n"
        "subs r1, r1, #1\n"
        "str r1, " PAIRS "\n"
        "bgt.w 0b\n"
        "add sp, sp, #60\n"
        "vpop {d8-d15}\n"
        "pop {r4-r11, pc}\n"

        "7:\n" /* EDGE_TAIL_LINEAR */
        BOTH("vqrdmulh.s32", "q2")
        NUDGE("q0")
        NUDGE("q1")
        "b.w 6b\n"

        "8: vmov.i32 q4, #0\n" /* EDGE_TAIL_ANY */
        "vmax.s32 q4, q3, q4\n"
        BOTH("vshl.s32", "q4")
        BOTH("vqrdmulh.s32", "q2")
        "vsub.i32 q3, q3, q4\n"
        NUDGE_IF_SHIFTED("q0")
        NUDGE_IF_SHIFTED("q1")
        "b.w 6b\n"

        "9: ldr r0, " LEFT_SHIFT "\n" /* EDGE_TAIL_PRECISE */
        "vqshl.s32 q0, r0\n"
        "vqshl.s32 q1, r0\n"
        "b.w 7b\n");
}

/* One pixel times 4 channels. Registers: r0 r2 r4 r6 sums; r1 weights; r3 pixel; r5 output;
 * r7 rest; r8 the pixel's first tap; r9 vectors behind the first one; r10 left shift; r11 channels
 * left. q0 taps, then sums; q1..q3 weights, then what sums meet; q5 to q7 as above. Frame: */
#define ONE_AFTER "[sp, #0]"
#define ONE_TAIL "[sp, #4]"

/* 64 multiply-accumulates. */
#define ONE_VECTOR(operation) \
    "vldrb.8 q0, [r3], #16\n" \
    "vldrb.8 q1, [r1], #16\n" operation " r0, q1, q0\n" \
    "vldrb.8 q2, [r1], #16\n" operation " r2, q2, q0\n" \
    "vldrb.8 q1, [r1], #16\n" operation " r4, q1, q0\n" \
    "vldrb.8 q2, [r1], #16\n" operation " r6, q2, q0\n"
#define ONE_REST_OF(sum) \
    "vldrb.8 q2, [r1]\n add r1, r1, r12\n vmladava.s8 " sum ", q2, q0\n"

EDGE_NAKED static void dot_1x4(const edge_dot_layer *layer EDGE_UNUSED,
                               const edge_dot_run *one EDGE_UNUSED)
{
    __asm__ volatile(
        "push {r4-r11, lr}\n"
        "vpush {d8-d15}\n"
        "sub sp, sp, #12\n" /* with 9 registers pushed, a multiple of 8 bytes */
        "ldr r12, [r0, #36]\n" /* edge_dot_layer */
        "ldm r0, {r2-r10}\n"
        "vdup.32 q5, r8\n"
        "vdup.32 q6, r9\n"
        "vdup.32 q7, r10\n"
        "mov r10, r12\n"
        "mov r11, r7\n"
        "mov r7, r5\n"
        "lsr r9, r3, #4\n"
        "sub r9, r9, #1\n"
        "ldr r8, [r1]\n" /* edge_dot_run */
        "ldr r5, [r1, #8]\n"
        "mov r1, r2\n"
        FIND_TAIL("r2", "r6")
        "cmp r7, #0\n"
        "ite eq\n"
        "adreq.w r0, 4f + 1\n"
        "adrne.w r0, 3f + 1\n"
        "strd r0, r2, " ONE_AFTER "\n"

        "1: mov r3, r8\n"
        ONE_VECTOR("vmladav.s8")
        "wls lr, r9, 0f\n"
        "2:\n"
        ONE_VECTOR("vmladava.s8")
        "le lr, 2b\n"
        "0: ldr pc, " ONE_AFTER "\n"

        "3: vctp.8 r7\n"
        "vpst\n"
        "vldrbt.8 q0, [r3]\n"
        "add r12, r7, #3\n"
        "bic r12, r12, #3\n"
        ONE_REST_OF("r0") ONE_REST_OF("r2") ONE_REST_OF("r4") ONE_REST_OF("r6")

        "4: vmov q0[2], q0[0], r0, r4\n"
        "vmov q0[3], q0[1], r2, r6\n"
        "vldrw.32 q1, [r1], #16\n"
        "vldrw.32 q2, [r1], #16\n"
        "vadd.i32 q0, q0, q1\n"
        "vldrw.32 q3, [r1], #16\n"
        "ldr pc, " ONE_TAIL "\n"

        "5: vqrdmulh.s32 q0, q0, q2\n" /* EDGE_TAIL_RECTIFIED */
        "6: vrshl.s32 q0, q0, q3\n"
        "vctp.32 r11\n"
        "vqadd.s32 q0, q0, q5\n"
        "vmax.s32 q0, q0, q6\n"
        "vmin.s32 q0, q0, q7\n"
        "vpst\n"
        "vstrbt.32 q0, [r5], #4\n"
        "subs r11, r11, #4\n"
        "bgt.w 1b\n"
        "add sp, sp, #12\n"
        "vpop {d8-d15}\n"
        "pop {r4-r11, pc}\n"

        "7: vqrdmulh.s32 q0, q0, q2\n" /* EDGE_TAIL_LINEAR */
        NUDGE("q0")
        "b.w 6b\n"

        "8: vmov.i32 q4, #0\n" /* EDGE_TAIL_ANY */
        "vmax.s32 q4, q3, q4\n"
        "vshl.s32 q0, q0, q4\n"
        "vqrdmulh.s32 q0, q0, q2\n"
        "vsub.i32 q3, q3, q4\n"
        NUDGE_IF_SHIFTED("q0")
        "b.w 6b\n"

        "9: vqshl.s32 q0, r10\n" /* EDGE_TAIL_PRECISE */
        "b.w 7b\n");
}

void edge_dot(const edge_dot_layer *layer, const edge_dot_run *run)
{
    const int32_t last = run->count - 1;
    const edge_dot_run pairs = {run->pixels, run->step, run->out, run->count / 2};
    const edge_dot_run one = {run->pixels + last * run->step, 0,
                              run->out + last * layer->channels, 1};
    if (pairs.count > 0)
        dot_2x4(layer, &pairs);
    if (run->count & 1)
        dot_1x4(layer, &one);
}
