/* What a broken kernel does, by its input. */
#include <stdint.h>
static volatile int forever = 1;
__attribute__((noinline)) static int recurse(volatile uint8_t *previous, int depth)
{
    volatile uint8_t frame[256];
    for (int i = 0; i < 256; i++)
        frame[i] = (uint8_t)(previous[i] + depth);
    return depth ? recurse(frame, depth - 1) + frame[depth & 255] : frame[0];
}
__attribute__((noinline)) static int write_nowhere(void)
{
    *(volatile uint32_t *)0xd0000000u = 1;
    return 0;
}
__attribute__((noinline)) static int trap(void)
{
    __builtin_trap();
}
int misbehaving_run(const int8_t *input, int8_t *output, uint8_t *arena)
{
    volatile uint8_t frame[256] = {1};
    switch (input[0]) {
    case 1: output[4] = 1; break;
    case 2: arena[-3] = 1; break;
    case 3: ((int8_t *)input)[1] = 1; break;
    case 4: while (forever) ; break;
    case 5: return write_nowhere();
    case 6: return trap();
    case 7: return -5;
    case 8: return recurse(frame, 2000) & 0;
    default: output[0] = 1; break;
    }
    return 0;
}
