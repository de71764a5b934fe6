#ifndef EDGE_DSP_WINOGRAD_4X4_H
#define EDGE_DSP_WINOGRAD_4X4_H

#include "edge_dsp_winograd.h"

/* F(4 x 4, 3 x 3): 36 multiplications instead of 144. Values are those of inputs plus 128, plus
 * 0x3800; combinations of sums are 576 times the convolution. */
void edge_winograd_input_4x4(const int8_t *in, uint32_t *values, int32_t groups, int32_t row,
                             int32_t pixel);
void edge_winograd_output_4x4(const int32_t *sums, const edge_winograd_scale *scales, int8_t *out,
                              int32_t row, int32_t pixel);

#endif
