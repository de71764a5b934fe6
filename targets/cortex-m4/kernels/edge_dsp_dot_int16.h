/* The products of edge_dot_wide_3x2 as assembly: see edge_dsp_dot_frame.h. */
#ifndef EDGE_DSP_DOT_INT16_H
#define EDGE_DSP_DOT_INT16_H

#include "edge_dsp_dot_frame.h"

#define BOTH_CHANNELS(first, second) LOAD_TAPS FIRST_CHANNEL(first) SECOND_CHANNEL(second)
#define START(first, second) LOAD_TAPS START_FIRST_CHANNEL(first) START_SECOND_CHANNEL(second)

/* The second and third word of taps; the second's weights of the first channel are in r11. */
#define FOUR_MORE_TAPS \
    LOAD_TAPS FIRST_CHANNEL("r11") "ldm lr!, {r9-r11}\n" SECOND_CHANNEL("r9") \
    BOTH_CHANNELS("r10", "r11")

/* The first words of taps of a pair of channels. */
#define START_1 "ldm lr!, {r0, r3, r9, r10}\n" START("r9", "r10")
#define START_2 START_1 "ldm lr!, {r9, r10}\n" BOTH_CHANNELS("r9", "r10")
#define START_3 "ldm lr!, {r0, r3, r9-r11}\n" START("r9", "r10") FOUR_MORE_TAPS

/* 36 multiply-accumulates in 23 instructions of 4 bytes. */
#define SIX_TAPS "ldm lr!, {r9-r11}\n" BOTH_CHANNELS("r9", "r10") FOUR_MORE_TAPS
#define ROUND_BYTES "92"

/* r8, r9 = multipliers; r10, r11 = addends; r12 = shifts less 1. */
#define LOAD_SCALES "ldm lr!, {r8-r12}\n"

#define RECTIFIED_TAIL \
    LOAD_SCALES \
    SCALE_ALL \
    SATURATE_ALL("13") \
    "cmp r12, #0\n" \
    STORE_AND_GO_ON \
    RETURN

#define LINEAR_TAIL \
    LOAD_SCALES \
    "movs r7, #1\n" \
    "lsl r6, r7, r12\n" /* 2^(s0 - 1) */ \
    NEXT_SHIFT \
    "lsl r7, r7, r12\n" \
    SCALE_LINEAR("r0", "r8", "r10", "r6", "r12") \
    SCALE_LINEAR("r1", "r8", "r10", "r6", "r12") \
    SCALE_LINEAR("r2", "r8", "r10", "r6", "r12") \
    SCALE_LINEAR("r3", "r9", "r11", "r7", "r12") \
    SCALE_LINEAR("r4", "r9", "r11", "r7", "r12") \
    SCALE_LINEAR("r5", "r9", "r11", "r7", "r12") \
    SATURATE_ALL("13") \
    STORE_AND_GO_ON \
    RETURN

#endif
