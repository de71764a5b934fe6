/* One inference of classifier on an input of zeros. */
#include <stdio.h>

#include "classifier.h"

#define BUFFER_BYTES(count) ((count) > 0 ? (count) : 1)

static _Alignas(CLASSIFIER_ARENA_ALIGNMENT)
    uint8_t arena[BUFFER_BYTES(CLASSIFIER_ARENA_BYTES)];
static int8_t input[CLASSIFIER_INPUT_ELEMENTS];
static int8_t output[CLASSIFIER_OUTPUT_ELEMENTS];

int main(void)
{
    const int status = classifier_run(input, output, arena);
    if (status != EDGE_OK) {
        fprintf(stderr, "classifier_run returned %d\n", status);
        return status;
    }
    for (int i = 0; i < CLASSIFIER_OUTPUT_ELEMENTS; i++)
        printf("%ld\n", (long)output[i]);
    return 0;
}
