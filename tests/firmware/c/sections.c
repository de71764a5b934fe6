/* 12 bytes of constants, 8 of initialised and 40 of zeroed data, beside the code. */
#include <stdint.h>
#include <stddef.h>
const int32_t sections_table[3] = {11, 22, 33};
int32_t sections_state[2] = {1, 2};
int32_t sections_scratch[10];
const int32_t sections_unused[100] = {1};
int sections_run(const int8_t *input, int8_t *output, uint8_t *arena)
{
    (void)arena;
    volatile const int32_t *table = sections_table;
    volatile int32_t *state = sections_state, *scratch = sections_scratch;
    scratch[input[0] & 7] = table[input[0] & 1];
    state[0] += scratch[0];
    output[0] = (int8_t)state[1];
    return 0;
}
