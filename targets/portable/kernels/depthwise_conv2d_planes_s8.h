#ifndef DEPTHWISE_CONV2D_PLANES_S8_H
#define DEPTHWISE_CONV2D_PLANES_S8_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t in_height, in_width, in_channels;
    int32_t out_height, out_width, out_channels;
    int32_t kernel_height, kernel_width;
    int32_t stride_height, stride_width;
    int32_t dilation_height, dilation_width;
    int32_t pad_top, pad_left;
    int32_t in_zero_point;
    int32_t in_row_step, in_column_step;   /* elements between neighbours */
    int32_t out_row_step, out_column_step;
    int32_t strip_rows;                    /* output rows at a time */
    int32_t plane_width;
    int32_t out_zero_point, out_min, out_max;
    int32_t tail, split, limit;
} depthwise_conv2d_planes_s8_params;

/* Depthwise 2-D convolution, int8 in and out, one channel's plane at a time, rounded twice.
 * in [h][w][cin]   weights [cout][kh][kw]   out [oh][ow][cout], cout a multiple of cin;
 * output channel c * (cout / cin) + j reads input channel c. The steps say where rows and
 * columns lie: an image may be given with height and width exchanged.
 * bias [cout]: -in_zero_point * sum(weights of the channel) is folded in.
 * tail, split, limit, multipliers, shifts [cout]: as edge_scale.h says; with any tail, sums stay
 * below 2^23.   Sizes, strides, dilations, steps and strip_rows >= 1; pads >= 0;
 * zero points -128..127; -128 <= out_min <= out_max <= 127.  out may overlap in by its lead.
 * scratch: the padded plane of a strip, rows of plane_width cells: what strip_rows output rows
 * read, plane_width what out_width rounded up to a multiple of 4 reads. Cells: edge_columns.h.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int depthwise_conv2d_planes_s8(const depthwise_conv2d_planes_s8_params *p, const int8_t *in,
                               const int8_t *weights, const int32_t *bias,
                               const int32_t *multipliers, const int8_t *shifts, void *scratch,
                               int8_t *out);

#endif
