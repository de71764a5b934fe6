#include "edge_dsp_dot_wide.h"

#include "edge_dsp_dot_frame.h"

#define BOTH_CHANNELS(first, second) LOAD_TAPS FIRST_CHANNEL(first) SECOND_CHANNEL(second)
#define START(first, second) LOAD_TAPS START_FIRST_CHANNEL(first) START_SECOND_CHANNEL(second)

/* The second and third word of taps; the second's weights of the first channel are in r11. */
#define FOUR_MORE_TAPS \
    LOAD_TAPS FIRST_CHANNEL("r11") "ldm lr!, {r9-r11}\n" SECOND_CHANNEL("r9") \
    BOTH_CHANNELS("r10", "r11")

/* 36 multiply-accumulates in 23 instructions of 4 bytes. */
#define SIX_TAPS "ldm lr!, {r9-r11}\n" BOTH_CHANNELS("r9", "r10") FOUR_MORE_TAPS
#define ROUND_BYTES "92"

/* r8, r9 = multipliers; r10, r11 = addends; r12 = shifts less 1. */
#define LOAD_SCALES "ldm lr!, {r8-r12}\n"

EDGE_NAKED const uint32_t *edge_dot_wide_3x2(const edge_dot_block *block EDGE_UNUSED,
                                             const uint32_t *weights EDGE_UNUSED)
{
    __asm__ volatile(
        ENTER(ROUND_BYTES)

        "1: ldm " COLUMNS_AND_FIRST "\n"

        ".p2align 2\n"
        "31: ldm lr!, {r0, r3, r9, r10}\n"
        START("r9", "r10")
        "ldr pc, " LOOP "\n"

        ".p2align 2\n"
        "32: ldm lr!, {r0, r3, r9, r10}\n"
        START("r9", "r10")
        "ldm lr!, {r9, r10}\n"
        BOTH_CHANNELS("r9", "r10")
        "ldr pc, " LOOP "\n"

        ".p2align 2\n"
        "33: ldm lr!, {r0, r3, r9-r11}\n"
        START("r9", "r10") FOUR_MORE_TAPS
        "ldr pc, " LOOP "\n"

        ".p2align 2\n"
        "2:\n"
        SIX_TAPS SIX_TAPS SIX_TAPS SIX_TAPS SIX_TAPS SIX_TAPS
        "ldr pc, " AFTER_LOOP "\n"

        ".p2align 2\n"
        LOOP_AGAIN

        ".p2align 2\n"
        "41:\n" /* EDGE_TAIL_RECTIFIED */
        LOAD_SCALES
        SCALE_ALL
        SATURATE_ALL("13")
        "cmp r12, #0\n"
        STORE_AND_GO_ON
        RETURN

        ".p2align 2\n"
        "42: 43:\n" /* EDGE_TAIL_LINEAR */
        LOAD_SCALES
        "movs r7, #1\n"
        "lsl r6, r7, r12\n" /* 2^(s0 - 1) */
        NEXT_SHIFT
        "lsl r7, r7, r12\n"
        SCALE_LINEAR("r0", "r8", "r10", "r6", "r12")
        SCALE_LINEAR("r1", "r8", "r10", "r6", "r12")
        SCALE_LINEAR("r2", "r8", "r10", "r6", "r12")
        SCALE_LINEAR("r3", "r9", "r11", "r7", "r12")
        SCALE_LINEAR("r4", "r9", "r11", "r7", "r12")
        SCALE_LINEAR("r5", "r9", "r11", "r7", "r12")
        SATURATE_ALL("13")
        STORE_AND_GO_ON
        RETURN
    );
}
