/* Writes exactly 1,000 bytes of stack below where it was called, and one byte of arena at 77. */
#include <stdint.h>
int stack_run(const int8_t *input, int8_t *output, uint8_t *arena);
#if defined(__riscv)
__attribute__((naked)) int stack_run(const int8_t *input, int8_t *output, uint8_t *arena)
{
    __asm__ volatile("addi t0, sp, -1000\nmv t1, sp\nli t2, 1\n1: addi t1, t1, -4\nsw t2, 0(t1)\n"
                     "bne t1, t0, 1b\nsb t2, 77(a2)\nli a0, 0\nsb a0, 0(a1)\nret");
}
#else
__attribute__((naked)) int stack_run(const int8_t *input, int8_t *output, uint8_t *arena)
{
    __asm__ volatile(".syntax unified\npush {r4}\nadd sp, #4\nmovs r0, #250\nmovs r3, #1\n"
                     "1: push {r3}\nsubs r0, #1\nbne 1b\nadd sp, #500\nadd sp, #500\n"
                     "adds r2, #77\nstrb r3, [r2]\nstrb r0, [r1]\nbx lr");
}
#endif
