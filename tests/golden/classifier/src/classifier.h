#ifndef CLASSIFIER_H
#define CLASSIFIER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef EDGE_OK
#define EDGE_OK 0
#define EDGE_BAD_ARG 1
#endif

#define CLASSIFIER_ARENA_BYTES 306
#define CLASSIFIER_ARENA_ALIGNMENT 16

/* RAM is the arena, for there are no variables; input, output and stack come on top. */
#define CLASSIFIER_RAM_BYTES 306

#define CLASSIFIER_INPUTS 1
#define CLASSIFIER_OUTPUTS 1

/* input: int8_t [1, 8, 8, 1], image,
 * real = (integer - zero point) * scale */
#define CLASSIFIER_INPUT_BYTES 64
#define CLASSIFIER_INPUT_ELEMENTS 64
#define CLASSIFIER_INPUT_SCALE 0.5f
#define CLASSIFIER_INPUT_ZERO_POINT (3)

/* output: int8_t [1, 4], logits,
 * real = (integer - zero point) * scale */
#define CLASSIFIER_OUTPUT_BYTES 4
#define CLASSIFIER_OUTPUT_ELEMENTS 4
#define CLASSIFIER_OUTPUT_SCALE 0.75f
#define CLASSIFIER_OUTPUT_ZERO_POINT (10)

/* One inference. The arena is working memory, 306 bytes aligned to 16; its contents
 * before and after do not matter. Re-entrant with one arena per caller; no heap.
 * Inputs are not written. Outputs must overlap neither inputs nor the arena.
 * Returns EDGE_OK, or EDGE_BAD_ARG for a NULL or misaligned pointer. */
int classifier_run(const int8_t *input, int8_t *output, uint8_t *arena);

#ifdef __cplusplus
}
#endif

#endif
