#ifndef MODEL_3_UPSAMPLER_H
#define MODEL_3_UPSAMPLER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef EDGE_OK
#define EDGE_OK 0
#define EDGE_BAD_ARG 1
#endif

#define MODEL_3_UPSAMPLER_ARENA_BYTES 944
#define MODEL_3_UPSAMPLER_ARENA_ALIGNMENT 16

/* RAM is the arena, for there are no variables; input, output and stack come on top. */
#define MODEL_3_UPSAMPLER_RAM_BYTES 944

#define MODEL_3_UPSAMPLER_INPUTS 1
#define MODEL_3_UPSAMPLER_OUTPUTS 1

/* input: float [1, 3, 4, 2], x */
#define MODEL_3_UPSAMPLER_INPUT_BYTES 96
#define MODEL_3_UPSAMPLER_INPUT_ELEMENTS 24

/* output: float [1, 6, 8, 4], y */
#define MODEL_3_UPSAMPLER_OUTPUT_BYTES 768
#define MODEL_3_UPSAMPLER_OUTPUT_ELEMENTS 192

/* One inference. The arena is working memory, 944 bytes aligned to 16; its contents
 * before and after do not matter. Re-entrant with one arena per caller; no heap.
 * Inputs are not written. Outputs must overlap neither inputs nor the arena.
 * Returns EDGE_OK, or EDGE_BAD_ARG for a NULL or misaligned pointer. */
int model_3_upsampler_run(const float *input, float *output, uint8_t *arena);

#ifdef __cplusplus
}
#endif

#endif
