#include "edge_dsp_dot.h"

#include "edge_dsp_dot_int8.h"

EDGE_NAKED const uint32_t *edge_dot_3x2(const edge_dot_block *block EDGE_UNUSED,
                                        const uint32_t *weights EDGE_UNUSED)
{
    __asm__ volatile(
        ENTER
        MAKE_ADDENDS
        FIND_CODE(ROUND_BYTES)
        "1: " BEGIN_PAIR
        ".p2align 2\n"
        "31: " START_1 "ldr pc, " LOOP "\n"
        ".p2align 2\n"
        "32: " START_2 "ldr pc, " LOOP "\n"
        ".p2align 2\n"
        "33: " START_3 "ldr pc, " LOOP "\n"
        ".p2align 2\n"
        "2:\n"
        SIX_TAPS SIX_TAPS SIX_TAPS SIX_TAPS SIX_TAPS SIX_TAPS
        LOOP_AGAIN
        "ldr pc, " TAIL "\n"
        ".p2align 2\n"
        "41:\n" RECTIFIED_TAIL
        ".p2align 2\n"
        "42:\n" LINEAR_TAIL
        ".p2align 2\n"
        "43:\n" SUMS_TAIL
    );
}
