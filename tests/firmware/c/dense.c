/* A dense layer, int8 in and out, with a 64-bit requantization. */
#include <stdint.h>
static const int8_t weights[4][16] = {
    {1, -2, 3, -4, 5, -6, 7, -8, 9, -10, 11, -12, 13, -14, 15, -16},
    {127, 126, 125, 124, -127, -126, -125, -124, 1, 1, 1, 1, 2, 2, 2, 2},
    {0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, -1, 0, 0, 0, 0},
    {-7, 7, -7, 7, -7, 7, -7, 7, -7, 7, -7, 7, -7, 7, -7, 7},
};
int dense_run(const int8_t *input, int8_t *output, uint8_t *arena)
{
    for (int o = 0; o < 4; o++) {
        int32_t sum = 100 * o;
        for (int i = 0; i < 16; i++)
            sum += input[i] * weights[o][i];
        int64_t scaled = (int64_t)sum * 123456789 + (1 << 30);
        int32_t value = (int32_t)(scaled >> 31);
        arena[o] = (uint8_t)value;
        output[o] = (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
    }
    return 0;
}
