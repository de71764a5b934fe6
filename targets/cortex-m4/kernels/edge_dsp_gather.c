#include "edge_dsp_gather.h"

EDGE_NAKED uint32_t *edge_widen_4(uint32_t *columns EDGE_UNUSED,
                                  const int8_t *const in[4] EDGE_UNUSED,
                                  int32_t groups EDGE_UNUSED)
{
    __asm__ volatile(
        "push {r4-r11, lr}\n"
        "mov r12, r0\n"
        "mov lr, r2\n"
        "ldm r1, {r0-r3}\n"
        "1: ldr r4, [r0], #4\n"
        "ldr r5, [r1], #4\n"
        "ldr r6, [r2], #4\n"
        "ldr r7, [r3], #4\n"
        "sxtb16 r8, r4\n sxtb16 r9, r5\n sxtb16 r10, r6\n sxtb16 r11, r7\n"
        "stm r12!, {r8-r11}\n"
        "sxtb16 r4, r4, ror #8\n sxtb16 r5, r5, ror #8\n"
        "sxtb16 r6, r6, ror #8\n sxtb16 r7, r7, ror #8\n"
        "stm r12!, {r4-r7}\n"
        "subs lr, lr, #1\n"
        "bne 1b\n"
        "mov r0, r12\n"
        "pop {r4-r11, pc}\n");
}
