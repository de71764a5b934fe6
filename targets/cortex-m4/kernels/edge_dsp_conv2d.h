#ifndef EDGE_DSP_CONV2D_H
#define EDGE_DSP_CONV2D_H

#include "edge_dsp_dot.h"

typedef struct {
    int16_t in_height, in_width, in_channels;
    int16_t out_height, out_width, out_channels;
    int16_t kernel_height, kernel_width;
    int16_t stride_height, stride_width;
    int16_t dilation_height, dilation_width;
    int16_t pad_top, pad_left;
    int16_t in_zero_point;
    int16_t out_zero_point, out_min, out_max;
    int16_t tail;
    int16_t is_padded; /* the image is first copied with its padding around it */
} edge_dsp_conv2d_params;

/* Multiplies the columns of a block by channels: edge_dot_3x2 and its kin. */
typedef const uint32_t *edge_dot(const edge_dot_block *block, const uint32_t *weights);

/* 2-D convolution by blocks of 3 pixels, int8 in and out, int32 sums, double rounding.
 * in [h][w][cin]   out [oh][ow][cout]   weights: packed for dot, depth = kh * kw * cin rounded up
 * to 4, cout rounded up to 2.   tail: what dot knows; with EDGE_TAIL_SUMS the words of scales are
 * m0, m1, and the bytes n0, n1 of the generic rounding's shifts.
 * The taps of a channel are, where run = kw * cin: of each of the kh rows the first run / 4 words,
 * then of each row the other bytes.
 * scratch: 4-byte aligned; where is_padded, all that the windows cover, rounded up to 4 bytes; 6 *
 * depth bytes of columns; then run bytes, or where cin is no multiple of 4, 3 * depth and 3 times
 * kh * (run % 4) rounded up to 4; then 3 * (cout + cout % 2) bytes if cout is odd or pixels are
 * fewer than 3.
 * A block's taps are all read before its outputs are written: in may begin behind out as
 * program/overlap.py says.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int edge_dsp_conv2d(const edge_dsp_conv2d_params *p, const int8_t *in, const uint32_t *weights,
                    int8_t *out, void *scratch, edge_dot *dot);

#endif
