#include "edge_dsp_gather.h"

EDGE_NAKED uint32_t *edge_widen_3(uint32_t *columns EDGE_UNUSED,
                                  const int8_t *const in[3] EDGE_UNUSED,
                                  int32_t groups EDGE_UNUSED)
{
    __asm__ volatile(
        "push {r4-r9, lr}\n"
        "mov r12, r0\n"
        "mov lr, r2\n"
        "ldm r1, {r0-r2}\n"
        "1: ldr r4, [r0], #4\n"
        "ldr r5, [r1], #4\n"
        "ldr r6, [r2], #4\n"
        "sxtb16 r7, r4\n sxtb16 r8, r5\n sxtb16 r9, r6\n"
        "stm r12!, {r7-r9}\n"
        "sxtb16 r4, r4, ror #8\n sxtb16 r5, r5, ror #8\n sxtb16 r6, r6, ror #8\n"
        "stm r12!, {r4-r6}\n"
        "subs lr, lr, #1\n"
        "bne 1b\n"
        "mov r0, r12\n"
        "pop {r4-r9, pc}\n");
}
