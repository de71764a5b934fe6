#ifndef TWO_BRANCHES_H
#define TWO_BRANCHES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef EDGE_OK
#define EDGE_OK 0
#define EDGE_BAD_ARG 1
#endif

#define TWO_BRANCHES_ARENA_BYTES 72
#define TWO_BRANCHES_ARENA_ALIGNMENT 16

/* RAM is the arena, for there are no variables; input, output and stack come on top. */
#define TWO_BRANCHES_RAM_BYTES 72

#define TWO_BRANCHES_INPUTS 2
#define TWO_BRANCHES_OUTPUTS 3

/* inputs[0]: int8_t [1, 4, 3, 2], left,
 * real = (integer - zero point) * scale */
#define TWO_BRANCHES_INPUT_0_BYTES 24
#define TWO_BRANCHES_INPUT_0_ELEMENTS 24
#define TWO_BRANCHES_INPUT_0_SCALE 0.100000001f
#define TWO_BRANCHES_INPUT_0_ZERO_POINT (-5)

/* inputs[1]: int8_t [1, 4, 3, 2], right,
 * real = (integer - zero point) * scale */
#define TWO_BRANCHES_INPUT_1_BYTES 24
#define TWO_BRANCHES_INPUT_1_ELEMENTS 24
#define TWO_BRANCHES_INPUT_1_SCALE 0.100000001f
#define TWO_BRANCHES_INPUT_1_ZERO_POINT (-5)

/* outputs[0]: int8_t [1, 4, 3, 2], low,
 * real = (integer - zero point) * scale */
#define TWO_BRANCHES_OUTPUT_0_BYTES 24
#define TWO_BRANCHES_OUTPUT_0_ELEMENTS 24
#define TWO_BRANCHES_OUTPUT_0_SCALE 0.100000001f
#define TWO_BRANCHES_OUTPUT_0_ZERO_POINT (-5)

/* outputs[1]: int8_t [1, 24], same,
 * real = (integer - zero point) * scale */
#define TWO_BRANCHES_OUTPUT_1_BYTES 24
#define TWO_BRANCHES_OUTPUT_1_ELEMENTS 24
#define TWO_BRANCHES_OUTPUT_1_SCALE 0.100000001f
#define TWO_BRANCHES_OUTPUT_1_ZERO_POINT (-5)

/* outputs[2]: int8_t [1, 4, 3, 2], high,
 * real = (integer - zero point) * scale */
#define TWO_BRANCHES_OUTPUT_2_BYTES 24
#define TWO_BRANCHES_OUTPUT_2_ELEMENTS 24
#define TWO_BRANCHES_OUTPUT_2_SCALE 0.100000001f
#define TWO_BRANCHES_OUTPUT_2_ZERO_POINT (-5)

/* One inference. The arena is working memory, 72 bytes aligned to 16; its contents
 * before and after do not matter. Re-entrant with one arena per caller; no heap.
 * Inputs are not written. Outputs must overlap neither inputs nor the arena.
 * Returns EDGE_OK, or EDGE_BAD_ARG for a NULL or misaligned pointer. */
int two_branches_run(const void *const inputs[], void *const outputs[],
                     uint8_t *arena);

#ifdef __cplusplus
}
#endif

#endif
