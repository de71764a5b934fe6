/* The products of edge_dot_3x2 as assembly: see edge_dsp_dot_frame.h.
 * Sums of the second channel come times 256, plus the first's. Weights are both channels', then the
 * first's alone. Rectified, the first channel's sums carry both shifts in their upper byte. */
#ifndef EDGE_DSP_DOT_INT8_H
#define EDGE_DSP_DOT_INT8_H

#include "edge_dsp_dot_frame.h"

#define BOTH_CHANNELS(taps) \
    LOAD_TAPS SECOND_CHANNEL(taps) "sxtb16 " taps ", " taps "\n" FIRST_CHANNEL(taps)
#define START(taps) \
    LOAD_TAPS START_SECOND_CHANNEL(taps) "sxtb16 " taps ", " taps "\n" START_FIRST_CHANNEL(taps)

/* The first words of taps of a pair of channels. */
#define START_1 "ldm lr!, {r0, r3, r9}\n" START("r9")
#define START_2 "ldm lr!, {r0, r3, r9, r10}\n" START("r9") BOTH_CHANNELS("r10")
#define START_3 \
    "ldm lr!, {r0, r3, r9-r11}\n" START("r9") BOTH_CHANNELS("r10") BOTH_CHANNELS("r11")

/* 36 multiply-accumulates in 25 instructions of 4 bytes. */
#define SIX_TAPS \
    "ldm lr!, {r9-r11}\n" BOTH_CHANNELS("r9") BOTH_CHANNELS("r10") BOTH_CHANNELS("r11")
#define ROUND_BYTES "100"

/* Takes the first channel out of the second's sums. */
#define PART_CHANNELS "sub r3, r3, r0\n sub r4, r4, r1\n sub r5, r5, r2\n"

#define RECTIFIED_TAIL \
    "adds r12, r0, #0x800000\n" /* both shifts; N is set for the last pair */ \
    "ldm lr!, {r8, r9}\n" \
    "ubfx r6, r12, #24, #3\n ubfx r7, r12, #27, #3\n" \
    "ldr r10, [sp, r6, lsl #2]\n ldr r11, [sp, r7, lsl #2]\n" \
    "lsl r0, r0, #8\n lsl r1, r1, #8\n lsl r2, r2, #8\n" \
    "sub r3, r3, r0, asr #8\n sub r4, r4, r1, asr #8\n sub r5, r5, r2, asr #8\n" \
    "asr r0, r0, r6\n asr r1, r1, r6\n asr r2, r2, r6\n" \
    "asr r3, r3, r7\n asr r4, r4, r7\n asr r5, r5, r7\n" \
    SCALE_ALL \
    SATURATE_ALL("13") \
    STORE_AND_GO_ON \
    RETURN

/* A channel's addend: 2^(shift - 2) on top of r7, for a shift to the left in r12; r6 = 64. */
#define ADDEND(addend, power) \
    "lsl " power ", r6, r12\n add " addend ", r7, " power ", lsr #8\n"

/* r8, r9 = multipliers; r12 = shifts. */
#define LINEAR_TAIL \
    PART_CHANNELS \
    "ldm lr!, {r8, r9, r12}\n ldrd r6, r7, " SIXTY_FOUR "\n" \
    "asr r3, r3, #8\n asr r4, r4, #8\n asr r5, r5, #8\n" \
    ADDEND("r10", "r11") \
    "lsr r11, r11, #7\n" \
    "lsl r0, r0, r12\n lsl r1, r1, r12\n lsl r2, r2, r12\n" \
    NEXT_SHIFT \
    "lsl r3, r3, r12\n lsl r4, r4, r12\n lsl r5, r5, r12\n" \
    "lsl r12, r6, r12\n" \
    SCALE_LINEAR("r0", "r8", "r10", "r11", "r6") \
    SCALE_LINEAR("r1", "r8", "r10", "r11", "r6") \
    SCALE_LINEAR("r2", "r8", "r10", "r11", "r6") \
    "add r10, r7, r12, lsr #8\n" \
    "lsr r12, r12, #7\n" \
    SCALE_LINEAR("r3", "r9", "r10", "r12", "r6") \
    SCALE_LINEAR("r4", "r9", "r10", "r12", "r6") \
    SCALE_LINEAR("r5", "r9", "r10", "r12", "r6") \
    SATURATE_ALL("16") \
    STORE_AND_GO_ON \
    RETURN

#define SUMS_TAIL \
    PART_CHANNELS \
    "asr r3, r3, #8\n asr r4, r4, #8\n asr r5, r5, #8\n" \
    "ldr r8, " OUT "\n" \
    "stm r8, {r0-r5}\n" \
    "add lr, lr, #12\n" \
    RETURN

#endif
