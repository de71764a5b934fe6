#include "edge_dsp_dot.h"

/* Registers: r0-r2 sums of the first channel, r3-r5 of the second (times 256, plus the first);
 * r6-r8 taps of the pixels; r9, r10 weights of both channels, then of the first alone; r11 end
 * of the columns; r12 columns; lr weights.
 * Frame: */
#define COLUMNS "[sp, #0]"
#define COLUMNS_END "[sp, #4]"
#define OUT "[sp, #8]"
#define OUT_STRIDE "[sp, #12]"
#define PAIRS "[sp, #16]"
#define ENTRY "[sp, #20]"
#define TAIL "[sp, #24]"

/* Two taps of 3 pixels and 2 channels. */
#define TWO_TAPS(weights) \
    "ldm r12!, {r6-r8}\n" \
    "smlad r3, r6, " weights ", r3\n" \
    "smlad r4, r7, " weights ", r4\n" \
    "smlad r5, r8, " weights ", r5\n" \
    "sxtb16 " weights ", " weights "\n" \
    "smlad r0, r6, " weights ", r0\n" \
    "smlad r1, r7, " weights ", r1\n" \
    "smlad r2, r8, " weights ", r2\n"

/* 24 multiply-accumulates in 17 instructions of 4 bytes. */
#define FOUR_TAPS "ldrd r9, r10, [lr], #8\n" TWO_TAPS("r9") TWO_TAPS("r10")

/* Takes the first channel out of the second's sums and divides them by 256. */
#define PART_CHANNELS \
    "sub r3, r3, r0\n sub r4, r4, r1\n sub r5, r5, r2\n" \
    "asr r3, r3, #8\n asr r4, r4, #8\n asr r5, r5, #8\n"

/* r8, r9 = multipliers; r10, r11 = addends; r12 = shifts. */
#define LOAD_SCALES "ldm lr!, {r8-r12}\n"

#define SHIFT_FIRST \
    "lsl r0, r0, r12\n lsl r1, r1, r12\n lsl r2, r2, r12\n lsr r12, r12, #8\n"
#define SHIFT_SECOND "lsl r3, r3, r12\n lsl r4, r4, r12\n lsl r5, r5, r12\n"

/* The upper half of sum * multiplier + addend, then its upper half, saturated. */
#define SCALE(sum, multiplier, addend) "smmla " sum ", " sum ", " multiplier ", " addend "\n"
#define SATURATE(sum) "ssat " sum ", #8, " sum ", asr #16\n"

/* nudge = -2^(shift - 1) of the shift in r12. */
#define NEGATIVE_NUDGE(nudge) \
    "mvn " nudge ", #0\n" \
    "lsl " nudge ", " nudge ", r12\n" \
    "asr " nudge ", " nudge ", #1\n"

/* SCALE with the nudge added for sums below zero, which round the other way. */
#define SCALE_LINEAR(sum, multiplier, addend, nudge) \
    "and r12, " nudge ", " sum ", asr #31\n" \
    "add r12, r12, " addend "\n" \
    "smmla " sum ", " sum ", " multiplier ", r12\n"

#define STORE_BYTES \
    "ldrd r8, r9, " OUT "\n" \
    "strb r0, [r8]\n strb r1, [r8, r9]\n strb r2, [r8, r9, lsl #1]\n" \
    "strb r3, [r8, #1]!\n strb r4, [r8, r9]\n strb r5, [r8, r9, lsl #1]\n" \
    "add r8, r8, #1\n" \
    "str r8, " OUT "\n"

#define STORE_SUMS "ldr r8, " OUT "\n stm r8!, {r0-r5}\n str r8, " OUT "\n"

#define NEXT_PAIR \
    "ldr r8, " PAIRS "\n" \
    "subs r8, r8, #1\n" \
    "str r8, " PAIRS "\n" \
    "bne.w 1b\n" \
    "add sp, sp, #32\n" \
    "pop {r4-r11, pc}\n"

EDGE_NAKED void edge_dot_3x2(const edge_dot_block *block EDGE_UNUSED,
                             const uint32_t *weights EDGE_UNUSED)
{
    __asm__ volatile(
        "push {r4-r11, lr}\n"
        "sub sp, sp, #32\n"
        "mov lr, r1\n"
        "ldm r0, {r2-r8}\n"
        "adr r9, 3f\n"
        "cmp r8, #1\n"
        "it eq\n adreq r9, 4f\n"
        "it hi\n adrhi r9, 5f\n"
        "orr r8, r9, #1\n" /* Thumb state */
        "stm sp, {r2-r8}\n"

        "1: ldm lr!, {r0, r3}\n"
        "ldr r6, " ENTRY "\n"
        "ldrd r12, r11, " COLUMNS "\n"
        "mov r1, r0\n mov r2, r0\n mov r4, r3\n mov r5, r3\n"
        "add pc, r6\n"
        "nop\n"
        "2:\n"
        FOUR_TAPS FOUR_TAPS FOUR_TAPS FOUR_TAPS FOUR_TAPS FOUR_TAPS FOUR_TAPS FOUR_TAPS
        "cmp r12, r11\n"
        "bne.w 2b\n"
        PART_CHANNELS
        "ldr pc, " TAIL "\n"

        ".p2align 2\n"
        "3:\n" /* EDGE_TAIL_RECTIFIED */
        LOAD_SCALES
        SHIFT_FIRST
        SHIFT_SECOND
        SCALE("r0", "r8", "r10") SCALE("r1", "r8", "r10") SCALE("r2", "r8", "r10")
        SCALE("r3", "r9", "r11") SCALE("r4", "r9", "r11") SCALE("r5", "r9", "r11")
        "6:\n"
        SATURATE("r0") SATURATE("r1") SATURATE("r2")
        SATURATE("r3") SATURATE("r4") SATURATE("r5")
        STORE_BYTES
        NEXT_PAIR

        ".p2align 2\n"
        "4:\n" /* EDGE_TAIL_LINEAR */
        LOAD_SCALES
        NEGATIVE_NUDGE("r6")
        SHIFT_FIRST
        NEGATIVE_NUDGE("r7")
        SHIFT_SECOND
        SCALE_LINEAR("r0", "r8", "r10", "r6")
        SCALE_LINEAR("r1", "r8", "r10", "r6")
        SCALE_LINEAR("r2", "r8", "r10", "r6")
        SCALE_LINEAR("r3", "r9", "r11", "r7")
        SCALE_LINEAR("r4", "r9", "r11", "r7")
        SCALE_LINEAR("r5", "r9", "r11", "r7")
        "b.w 6b\n"

        ".p2align 2\n"
        "5:\n" /* EDGE_TAIL_SUMS */
        "add lr, lr, #20\n"
        STORE_SUMS
        NEXT_PAIR
    );
}
