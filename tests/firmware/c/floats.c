/* Float inputs and outputs: hardware on some cores, the compiler's helpers on the others. */
#include <stdint.h>
int floats_run(const float *input, float *output, uint8_t *arena)
{
    (void)arena;
    for (int i = 0; i < 4; i++)
        output[i] = input[i] * 1.5f + input[3 - i] / 4.0f;
    return 0;
}
