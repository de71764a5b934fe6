#include "edge_dsp_fours.h"

/* Two inputs of two outputs. */
#define TWO_INPUTS(in, weights, first, second) \
    "smlad " second ", " in ", " weights ", " second "\n" \
    "sxtb16 " weights ", " weights "\n" \
    "smlad " first ", " in ", " weights ", " first "\n"

/* 14 instructions of 4 bytes. */
#define FOUR_INPUTS \
    "ldrd r8, r9, [r0], #8\n" \
    "ldm r2!, {r10-r12, lr}\n" \
    TWO_INPUTS("r8", "r10", "r4", "r5") \
    TWO_INPUTS("r9", "r11", "r4", "r5") \
    TWO_INPUTS("r8", "r12", "r6", "r7") \
    TWO_INPUTS("r9", "lr", "r6", "r7")

/* r0 inputs, r1 their end, r2 weights, r3 sums, in r4-r7; r8, r9 inputs, r10-lr weights. The loop
 * of 4 rounds is entered so that the right number remains: a round has 56 bytes, its inputs 8. */
EDGE_NAKED const uint32_t *edge_dot_fours(const uint32_t *in EDGE_UNUSED,
                                          const uint32_t *end EDGE_UNUSED,
                                          const uint32_t *weights EDGE_UNUSED,
                                          int32_t sums[4] EDGE_UNUSED)
{
    __asm__ volatile(
        "push {r4-r11, lr}\n"
        "ldm r3, {r4-r7}\n"
        "sub r8, r0, r1\n"
        "and r8, r8, #24\n" /* 8 bytes for each round to leave out */
        "rsb r8, r8, r8, lsl #3\n"
        ".p2align 2\n"
        "add pc, r8\n"
        "nop\n"
        "1:\n"
        FOUR_INPUTS FOUR_INPUTS FOUR_INPUTS FOUR_INPUTS
        "cmp r0, r1\n"
        "bne.w 1b\n"
        "stm r3, {r4-r7}\n"
        "mov r0, r2\n"
        "pop {r4-r11, pc}\n");
}
