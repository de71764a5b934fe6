#include "edge_dsp_dot.h"

/* Registers: r0-r2 sums of the first channel, r3-r5 of the second (times 256, plus the first);
 * r6-r8 taps of the pixels; r9-r11 weights of both channels, then of the first alone;
 * r12 columns; lr weights.
 * Frame: the columns, then where code goes on: at the first taps, in the unrolled loop, behind it,
 * behind the sums. */
#define COLUMNS_AND_FIRST "sp, {r12, pc}"
#define LOOP "[sp, #8]"
#define AFTER_LOOP "[sp, #12]"
#define TAIL "[sp, #16]"
#define COLUMNS_END "[sp, #20]"
#define OUT "[sp, #24]"        /* and its stride */
#define SIXTY_FOUR "[sp, #32]" /* and the addend */

#define FIRST_CHANNEL(taps) \
    "smlad r0, r6, " taps ", r0\n" \
    "smlad r1, r7, " taps ", r1\n" \
    "smlad r2, r8, " taps ", r2\n"
#define SECOND_CHANNEL(taps) \
    "smlad r3, r6, " taps ", r3\n" \
    "smlad r4, r7, " taps ", r4\n" \
    "smlad r5, r8, " taps ", r5\n"

/* Two taps of 3 pixels and 2 channels. */
#define TWO_TAPS(taps) \
    "ldm r12!, {r6-r8}\n" SECOND_CHANNEL(taps) "sxtb16 " taps ", " taps "\n" FIRST_CHANNEL(taps)

/* The first two, with the biases in r0 and r3. */
#define START_TAPS(taps) \
    "ldm r12!, {r6-r8}\n" \
    "smlad r4, r7, " taps ", r3\n" \
    "smlad r5, r8, " taps ", r3\n" \
    "smlad r3, r6, " taps ", r3\n" \
    "sxtb16 " taps ", " taps "\n" \
    "smlad r1, r7, " taps ", r0\n" \
    "smlad r2, r8, " taps ", r0\n" \
    "smlad r0, r6, " taps ", r0\n"

/* 36 multiply-accumulates in 25 instructions of 4 bytes. */
#define SIX_TAPS "ldm lr!, {r9-r11}\n" TWO_TAPS("r9") TWO_TAPS("r10") TWO_TAPS("r11")

/* Takes the first channel out of the second's sums. */
#define PART_CHANNELS "sub r3, r3, r0\n sub r4, r4, r1\n sub r5, r5, r2\n"

/* r8, r9 = multipliers; r12 = shifts; r6, r7 = 64 and what every channel adds. */
#define LOAD_SCALES "ldm lr!, {r8, r9, r12}\n ldrd r6, r7, " SIXTY_FOUR "\n"

/* A channel's addend: 2^(shift - 2) on top of r7, for a shift to the left in r12. */
#define ADDEND(addend, power) \
    "lsl " power ", r6, r12\n add " addend ", r7, " power ", lsr #8\n"

/* The shifts of the second channel; N is set for the last pair. */
#define NEXT_SHIFT "asrs r12, r12, #8\n"

#define SHIFT_FIRST "lsl r0, r0, r12\n lsl r1, r1, r12\n lsl r2, r2, r12\n"

/* The upper half of sum * multiplier + addend, then its upper bits, saturated. */
#define SCALE(sum, multiplier, addend) "smmla " sum ", " sum ", " multiplier ", " addend "\n"
#define SATURATE(sum, bits) "ssat " sum ", #8, " sum ", asr #" bits "\n"
#define SATURATE_ALL(bits) \
    SATURATE("r0", bits) SATURATE("r1", bits) SATURATE("r2", bits) \
    SATURATE("r3", bits) SATURATE("r4", bits) SATURATE("r5", bits)

/* SCALE less the nudge for sums below zero, which round the other way. */
#define SCALE_LINEAR(sum, multiplier, addend, nudge) \
    "and r6, " nudge ", " sum ", asr #31\n" \
    "sub r6, " addend ", r6\n" \
    "smmla " sum ", " sum ", " multiplier ", r6\n"

#define STORE_AND_GO_ON \
    "bfi r0, r3, #8, #8\n bfi r1, r4, #8, #8\n bfi r2, r5, #8, #8\n" \
    "ldrd r8, r9, " OUT "\n" \
    "strh r1, [r8, r9]\n strh r2, [r8, r9, lsl #1]\n strh r0, [r8], #2\n" \
    "str r8, " OUT "\n" \
    "bpl.w 1b\n"

#define RETURN "mov r0, lr\n add sp, sp, #40\n pop {r4-r11, pc}\n"

EDGE_NAKED const uint32_t *edge_dot_3x2(const edge_dot_block *block EDGE_UNUSED,
                                        const uint32_t *weights EDGE_UNUSED)
{
    __asm__ volatile(
        "push {r4-r11, lr}\n"
        "sub sp, sp, #40\n"
        "mov lr, r1\n"
        "ldm r0, {r1-r8}\n" /* columns, their end, out, stride, addend, tail, first, entry */
        "movs r0, #64\n"
        "strd r0, r5, " SIXTY_FOUR "\n"
        "strd r3, r4, " OUT "\n"
        "str r2, " COLUMNS_END "\n"
        "adr.w r2, 31f\n"
        "cmp r7, #2\n"
        "it eq\n adreq.w r2, 32f\n"
        "it hi\n adrhi.w r2, 33f\n"
        "adr.w r5, 41f\n"
        "cmp r6, #1\n"
        "it eq\n adreq.w r5, 42f\n"
        "it hi\n adrhi.w r5, 43f\n"
        "mov r4, r5\n"
        "cmp r8, #0\n"
        "itt mi\n mvnmi r8, r8\n adrmi.w r4, 5f\n"
        "adr.w r3, 2f\n"
        "movs r6, #100\n"
        "mla r3, r8, r6, r3\n"
        "orr r2, r2, #1\n orr r3, r3, #1\n orr r4, r4, #1\n orr r5, r5, #1\n" /* Thumb */
        "stm sp, {r1-r5}\n"

        "1: ldm " COLUMNS_AND_FIRST "\n"

        ".p2align 2\n"
        "31: ldm lr!, {r0, r3, r9}\n"
        START_TAPS("r9")
        "ldr pc, " LOOP "\n"

        ".p2align 2\n"
        "32: ldm lr!, {r0, r3, r9, r10}\n"
        START_TAPS("r9") TWO_TAPS("r10")
        "ldr pc, " LOOP "\n"

        ".p2align 2\n"
        "33: ldm lr!, {r0, r3, r9-r11}\n"
        START_TAPS("r9") TWO_TAPS("r10") TWO_TAPS("r11")
        "ldr pc, " LOOP "\n"

        ".p2align 2\n"
        "2:\n"
        SIX_TAPS SIX_TAPS SIX_TAPS SIX_TAPS SIX_TAPS SIX_TAPS
        SIX_TAPS SIX_TAPS SIX_TAPS SIX_TAPS SIX_TAPS SIX_TAPS
        "ldr pc, " AFTER_LOOP "\n"

        ".p2align 2\n"
        "5: ldr r6, " COLUMNS_END "\n"
        "cmp r12, r6\n"
        "bne.w 2b\n"
        "ldr pc, " TAIL "\n"

        ".p2align 2\n"
        "41:\n" /* EDGE_TAIL_RECTIFIED */
        PART_CHANNELS
        LOAD_SCALES
        ADDEND("r10", "r10")
        SHIFT_FIRST
        NEXT_SHIFT
        "lsr r11, r6, r12\n add r11, r7, r11\n" /* 2^(s1 - 2) = 64 >> (8 - s1) */
        "asr r3, r3, r12\n asr r4, r4, r12\n asr r5, r5, r12\n"
        SCALE("r0", "r8", "r10") SCALE("r1", "r8", "r10") SCALE("r2", "r8", "r10")
        SCALE("r3", "r9", "r11") SCALE("r4", "r9", "r11") SCALE("r5", "r9", "r11")
        SATURATE_ALL("13")
        STORE_AND_GO_ON
        RETURN

        ".p2align 2\n"
        "42:\n" /* EDGE_TAIL_LINEAR */
        PART_CHANNELS
        LOAD_SCALES
        "asr r3, r3, #8\n asr r4, r4, #8\n asr r5, r5, #8\n"
        ADDEND("r10", "r11")
        "lsr r11, r11, #7\n"
        SHIFT_FIRST
        NEXT_SHIFT
        "lsl r3, r3, r12\n lsl r4, r4, r12\n lsl r5, r5, r12\n"
        "lsl r12, r6, r12\n"
        SCALE_LINEAR("r0", "r8", "r10", "r11")
        SCALE_LINEAR("r1", "r8", "r10", "r11")
        SCALE_LINEAR("r2", "r8", "r10", "r11")
        "add r10, r7, r12, lsr #8\n"
        "lsr r12, r12, #7\n"
        SCALE_LINEAR("r3", "r9", "r10", "r12")
        SCALE_LINEAR("r4", "r9", "r10", "r12")
        SCALE_LINEAR("r5", "r9", "r10", "r12")
        SATURATE_ALL("16")
        STORE_AND_GO_ON
        RETURN

        ".p2align 2\n"
        "43:\n" /* EDGE_TAIL_SUMS */
        PART_CHANNELS
        "asr r3, r3, #8\n asr r4, r4, #8\n asr r5, r5, #8\n"
        "ldr r8, " OUT "\n"
        "stm r8, {r0-r5}\n"
        "add lr, lr, #12\n"
        RETURN
    );
}
