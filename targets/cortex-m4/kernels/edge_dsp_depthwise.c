#include "edge_dsp_depthwise.h"

/* r0-r2 ends of rows, r3 pitch, r8 offset from the ends; r12 columns. */
EDGE_NAKED void edge_columns_3(uint32_t *columns EDGE_UNUSED,
                               const int8_t *const ends[3] EDGE_UNUSED,
                               int32_t from EDGE_UNUSED, int32_t pitch EDGE_UNUSED)
{
    __asm__ volatile(
        "push {r4-r11, lr}\n"
        "mov r12, r0\n"
        "mov r8, r2\n"
        "ldm r1, {r0-r2}\n"
        "1: ldr r4, [r0, r8]\n"
        "ldr r5, [r1, r8]\n"
        "ldr r6, [r2, r8]\n"
        "sxtb16 r7, r4\n sxtb16 r9, r5\n sxtb16 r10, r6\n"
        "sxtb16 r4, r4, ror #8\n sxtb16 r5, r5, ror #8\n sxtb16 r6, r6, ror #8\n"
        "pkhbt r11, r7, r9, lsl #16\n"
        "pkhtb r9, r9, r7, asr #16\n"
        "stm r12!, {r9-r11}\n"
        "pkhbt r7, r4, r5, lsl #16\n"
        "pkhtb r5, r5, r4, asr #16\n"
        "stm r12!, {r5-r7}\n"
        "adds r8, r8, r3\n"
        "bne 1b\n"
        "pop {r4-r11, pc}\n");
}

/* One column of taps for channels a, b: r4-r6 columns, r7-r9 weights. */
#define TAP_COLUMN(a, b) \
    "ldm r10!, {r4-r6}\n" \
    "ldm r11!, {r7-r9}\n" \
    "smlad " b ", r4, r7, " b "\n" \
    "smlad " a ", r6, r9, " a "\n" \
    "smlabb " a ", r5, r8, " a "\n" \
    "smlatt " b ", r5, r8, " b "\n"

#define FINISH(sum, multiplier, addend, place) \
    "smmla " sum ", " sum ", " multiplier ", " addend "\n" \
    "ssat " sum ", #8, " sum ", asr #12\n" \
    "strb " sum ", [r12, #" place "]\n"

/* r0-r3 sums of channels 0 2 1 3; r10 columns, r11 quad, r12 out, lr its pitch. */
EDGE_NAKED void edge_depthwise_row_3x3(const edge_depthwise_row *row EDGE_UNUSED,
                                       const edge_depthwise_quad *quad EDGE_UNUSED)
{
    __asm__ volatile(
        "push {r4-r11, lr}\n"
        "ldm r0, {r2-r6}\n"
        "push {r3, r6}\n" /* end, back */
        "mov r10, r2\n"
        "mov r11, r1\n"
        "mov r12, r4\n"
        "mov lr, r5\n"
        "1: ldm r11!, {r0-r3}\n"
        TAP_COLUMN("r0", "r1")
        TAP_COLUMN("r2", "r3")
        TAP_COLUMN("r0", "r1")
        TAP_COLUMN("r2", "r3")
        TAP_COLUMN("r0", "r1")
        TAP_COLUMN("r2", "r3")
        "ldm r11!, {r4-r7}\n"
        FINISH("r0", "r4", "r6", "0")
        FINISH("r1", "r5", "r7", "2")
        "ldm r11!, {r4-r7}\n"
        FINISH("r2", "r4", "r6", "1")
        FINISH("r3", "r5", "r7", "3")
        "ldrd r4, r5, [sp]\n"
        "sub r11, r11, #120\n" /* sizeof(edge_depthwise_quad) */
        "sub r10, r10, r5\n"
        "add r12, r12, lr\n"
        "cmp r10, r4\n"
        "bne 1b\n"
        "add sp, sp, #8\n"
        "pop {r4-r11, pc}\n");
}
