/* One inference of model_3_upsampler on an input of zeros. */
#include <stdio.h>

#include "model_3_upsampler.h"

#define BUFFER_BYTES(count) ((count) > 0 ? (count) : 1)

static _Alignas(MODEL_3_UPSAMPLER_ARENA_ALIGNMENT)
    uint8_t arena[BUFFER_BYTES(MODEL_3_UPSAMPLER_ARENA_BYTES)];
static float input[MODEL_3_UPSAMPLER_INPUT_ELEMENTS];
static float output[MODEL_3_UPSAMPLER_OUTPUT_ELEMENTS];

int main(void)
{
    const int status = model_3_upsampler_run(input, output, arena);
    if (status != EDGE_OK) {
        fprintf(stderr, "model_3_upsampler_run returned %d\n", status);
        return status;
    }
    for (int i = 0; i < MODEL_3_UPSAMPLER_OUTPUT_ELEMENTS; i++)
        printf("%g\n", (double)output[i]);
    return 0;
}
