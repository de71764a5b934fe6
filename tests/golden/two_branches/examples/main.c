/* One inference of two_branches on an input of zeros. */
#include <stdio.h>

#include "two_branches.h"

#define BUFFER_BYTES(count) ((count) > 0 ? (count) : 1)

static _Alignas(TWO_BRANCHES_ARENA_ALIGNMENT)
    uint8_t arena[BUFFER_BYTES(TWO_BRANCHES_ARENA_BYTES)];
static int8_t input_0[TWO_BRANCHES_INPUT_0_ELEMENTS];
static int8_t input_1[TWO_BRANCHES_INPUT_1_ELEMENTS];
static int8_t output_0[TWO_BRANCHES_OUTPUT_0_ELEMENTS];
static int8_t output_1[TWO_BRANCHES_OUTPUT_1_ELEMENTS];
static int8_t output_2[TWO_BRANCHES_OUTPUT_2_ELEMENTS];
static const void *const inputs[] = {input_0, input_1};
static void *const outputs[] = {output_0, output_1, output_2};

int main(void)
{
    const int status = two_branches_run(inputs, outputs, arena);
    if (status != EDGE_OK) {
        fprintf(stderr, "two_branches_run returned %d\n", status);
        return status;
    }
    for (int i = 0; i < TWO_BRANCHES_OUTPUT_0_ELEMENTS; i++)
        printf("%ld\n", (long)output_0[i]);
    for (int i = 0; i < TWO_BRANCHES_OUTPUT_1_ELEMENTS; i++)
        printf("%ld\n", (long)output_1[i]);
    for (int i = 0; i < TWO_BRANCHES_OUTPUT_2_ELEMENTS; i++)
        printf("%ld\n", (long)output_2[i]);
    return 0;
}
