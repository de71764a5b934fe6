/* One store, three instructions a turn, ten turns, one return: 2 + 30 + 1 (33) instructions. */
#include <stdint.h>
int counted_run(const int8_t *input, int8_t *output, uint8_t *arena);
#if defined(__riscv)
__attribute__((naked)) int counted_run(const int8_t *input, int8_t *output, uint8_t *arena)
{
    __asm__ volatile("li a0, 10\nsb a0, 0(a1)\n1: addi a0, a0, -1\nnop\nbnez a0, 1b\nret");
}
#else
__attribute__((naked)) int counted_run(const int8_t *input, int8_t *output, uint8_t *arena)
{
    __asm__ volatile(".syntax unified\nmovs r0, #10\nstrb r0, [r1]\n"
                     "1: subs r0, #1\nnop\nbne 1b\nbx lr");
}
#endif
