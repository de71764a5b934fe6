/* Two inputs, two outputs: called with arrays of pointers. */
#include <stdint.h>
int two_run(const void *const inputs[], void *const outputs[], uint8_t *arena)
{
    const int8_t *a = inputs[0], *b = inputs[1];
    int8_t *sum = outputs[0], *difference = outputs[1];
    (void)arena;
    for (int i = 0; i < 3; i++)
        sum[i] = (int8_t)(a[i] + b[i]);
    for (int i = 0; i < 3; i++)
        difference[i] = (int8_t)(a[i] - b[i]);
    return 0;
}
