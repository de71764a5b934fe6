#ifndef EDGE_DSP_WINOGRAD_2X2_H
#define EDGE_DSP_WINOGRAD_2X2_H

#include "edge_dsp_winograd.h"

/* F(2 x 2, 3 x 3): 16 multiplications instead of 36; combinations of sums are 4 times the
 * convolution. */
void edge_winograd_input_2x2(const int8_t *in, uint32_t *values, int32_t groups, int32_t row,
                             int32_t pixel);
void edge_winograd_output_2x2(const int32_t *sums, const edge_winograd_scale *scales, int8_t *out,
                              int32_t row, int32_t pixel);

/* The weights that edge_winograd_conv2d reads, from int8.
 * weights [cout][3][3][cin], 4-byte aligned; cin: a multiple of 4; cout: of 2.
 * transformed: [cout / 2][16][2 + cin]. */
void edge_winograd_weights_2x2(const int8_t *weights, uint32_t *transformed, int32_t in_channels,
                               int32_t out_channels);

#endif
