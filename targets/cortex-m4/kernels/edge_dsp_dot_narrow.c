#include "edge_dsp_dot_narrow.h"

#include "edge_dsp_dot_frame.h"

/* A weight in the upper bits of an int16 half is itself times 4096, sign and all: one AND takes
 * those of two taps out of a word, and sums come times 4096. */
#define MASK "mov.w r11, #0xf000f000\n"
#define TAKE(shift) "and r10, r11, r9" shift "\n"

#define TWO_TAPS_MORE LOAD_TAPS TAKE(", lsl #4") FIRST_CHANNEL("r10") TAKE("") SECOND_CHANNEL("r10")

/* 24 multiply-accumulates in 19 instructions of 4 bytes. */
#define FOUR_TAPS \
    "ldr r9, [lr], #4\n" \
    LOAD_TAPS TAKE(", lsl #12") FIRST_CHANNEL("r10") TAKE(", lsl #8") SECOND_CHANNEL("r10") \
    TWO_TAPS_MORE
#define ROUND_BYTES "76"
#define UNROLLED 8 /* rounds */

/* r8, r9 = multipliers; r10, r11 = addends; r12 = shifts to the right. */
#define LOAD_SCALES "ldm lr!, {r8-r12}\n"

#define SHIFT_FIRST "asr r0, r0, r12\n asr r1, r1, r12\n asr r2, r2, r12\n"
#define SHIFT_SECOND "asr r3, r3, r12\n asr r4, r4, r12\n asr r5, r5, r12\n"

EDGE_NAKED static const uint32_t *dot(const edge_dot_block *block EDGE_UNUSED,
                                      const uint32_t *weights EDGE_UNUSED)
{
    __asm__ volatile(
        ENTER
        FIND_CODE(ROUND_BYTES)
        "1: " BEGIN_PAIR

        ".p2align 2\n"
        "31: 32: 33: ldm lr!, {r0, r3, r9}\n"
        MASK
        LOAD_TAPS
        TAKE(", lsl #12") START_FIRST_CHANNEL("r10")
        TAKE(", lsl #8") START_SECOND_CHANNEL("r10")
        TWO_TAPS_MORE
        "ldr pc, " LOOP "\n"

        ".p2align 2\n"
        "2:\n"
        FOUR_TAPS FOUR_TAPS FOUR_TAPS FOUR_TAPS FOUR_TAPS FOUR_TAPS FOUR_TAPS FOUR_TAPS
        LOOP_AGAIN
        "ldr pc, " TAIL "\n"

        ".p2align 2\n"
        "41:\n" /* EDGE_TAIL_RECTIFIED */
        LOAD_SCALES
        SHIFT_FIRST
        NEXT_SHIFT
        SHIFT_SECOND
        SCALE_ALL
        SATURATE_ALL("12")
        STORE_AND_GO_ON
        RETURN

        ".p2align 2\n"
        "42: 43:\n" /* EDGE_TAIL_LINEAR */
        LOAD_SCALES
        SHIFT_FIRST
        "mov.w r6, #2048\n"
        "mov.w r7, #2048\n"
        "lsr r6, r6, r12\n" /* 2^(s0 - 1) */
        NEXT_SHIFT
        SHIFT_SECOND
        "lsr r7, r7, r12\n"
        SCALE_LINEAR("r0", "r8", "r10", "r6", "r12")
        SCALE_LINEAR("r1", "r8", "r10", "r6", "r12")
        SCALE_LINEAR("r2", "r8", "r10", "r6", "r12")
        SCALE_LINEAR("r3", "r9", "r11", "r7", "r12")
        SCALE_LINEAR("r4", "r9", "r11", "r7", "r12")
        SCALE_LINEAR("r5", "r9", "r11", "r7", "r12")
        SATURATE_ALL("12")
        STORE_AND_GO_ON
        RETURN
    );
}

const uint32_t *edge_dot_narrow_3x2(const edge_dot_block *block, const uint32_t *weights)
{
    const int32_t words = (int32_t)(block->columns_end - block->columns) / EDGE_PIXELS;
    edge_dot_block rounds = *block;
    rounds.first = 1;
    rounds.entry = edge_dot_skipped(words / 2 - 1, UNROLLED);
    return dot(&rounds, weights);
}
