/* 64-bit products, quotients and shifts of data: what a core without them asks helpers for. */
#include <stdint.h>
int integers_run(const int64_t *input, int64_t *output, uint8_t *arena)
{
    int64_t a = input[0], b = input[1];
    unsigned shift = (unsigned)(b & 63);
    (void)arena;
    output[0] = (int64_t)((uint64_t)a * (uint64_t)b);
    output[1] = a / b;
    output[2] = a % b;
    output[3] = (int64_t)((uint64_t)a / (uint64_t)b);
    output[4] = (int64_t)((uint64_t)a % (uint64_t)b);
    output[5] = (int64_t)((uint64_t)a << shift);
    output[6] = (int64_t)((uint64_t)a >> shift);
    output[7] = a >> shift;
    output[8] = (int32_t)a / (int32_t)b;
    output[9] = (int32_t)a % (int32_t)b;
    output[10] = (uint32_t)a / (uint32_t)b;
    output[11] = (uint32_t)a % (uint32_t)b;
    return 0;
}
