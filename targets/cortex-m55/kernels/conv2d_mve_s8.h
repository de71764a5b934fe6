#ifndef CONV2D_MVE_S8_H
#define CONV2D_MVE_S8_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t in_height, in_width, in_channels;
    int32_t out_height, out_width, out_channels;
    int32_t kernel_height, kernel_width;
    int32_t stride_height, stride_width;
    int32_t dilation_height, dilation_width;
    int32_t pad_top, pad_left;
    int32_t in_zero_point;
    int32_t out_zero_point, out_min, out_max;
    int32_t depth, tail, run;
} conv2d_mve_s8_params;

/* 2-D convolution with Helium, int8 in and out, int32 sums, double rounding.
 * in [h][w][cin]   out [oh][ow][cout]
 * weights: packed for edge_dot (edge_mve_dot.h), taps in the order [kw][kh][cin]; in_zero_point is
 * folded into the bias.   depth: taps that the weights have, at least 16: kw * kh * cin and zeros.
 * tail: EDGE_TAIL_... of edge_mve.h.
 * run: output pixels of a row whose windows are put side by side in scratch; 0 where they are
 * read from the input: kernels of one row without pads, and depth without added zeros.
 * scratch: 16 bytes more than the windows of run pixels take, kh * cin a column; windows share
 * columns where they overlap (stride_width < kw, not dilated along rows).
 * The output of a run may overlap the windows of runs before it, with run 0 of pixels before it
 * (edge_mve_dot.h); it must not overlap other input.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int conv2d_mve_s8(const conv2d_mve_s8_params *p, const int8_t *in, const uint32_t *weights,
                  int8_t *out, void *scratch);

#endif
