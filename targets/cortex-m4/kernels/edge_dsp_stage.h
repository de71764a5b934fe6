#ifndef EDGE_DSP_STAGE_H
#define EDGE_DSP_STAGE_H

#include "edge_dsp_conv2d.h"

typedef struct {
    int32_t y, x; /* of a window's first tap */
} edge_corner;

/* The bytes of one window side by side, zero points where it leaves the image, then zeros up to a
 * multiple of 4.   in [h][w][cin]   staged: kh * kw * cin bytes, rounded up to 4. */
void edge_stage_window(const edge_dsp_conv2d_params *p, const int8_t *in, edge_corner at,
                       int8_t *staged);

/* The image with the padding that its windows cover, and what describes it then; staged: where it
 * goes, moved to its end, rounded up to 4. Returns the image. */
const int8_t *edge_pad_image(const edge_dsp_conv2d_params *p, const int8_t *in,
                             edge_dsp_conv2d_params *padded, int8_t **staged);

/* count times value. For the few bytes of a kernel row a call of memset costs more. */
int8_t *edge_fill(int8_t *to, int32_t value, int32_t count);

/* count bytes, each clamped to low..high. */
void edge_clamp_bytes(int8_t *bytes, int32_t count, int32_t low, int32_t high);

#endif
