#ifndef RESIZE_NEAREST_H
#define RESIZE_NEAREST_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t out_height;
    int32_t out_width;
    int32_t in_row_bytes;
    int32_t pixel_bytes;
} resize_nearest_params;

/* Nearest-neighbour resizing, any element type: out[y][x] = in[rows[y]][columns[x]].
 * in [h][w] pixels of pixel_bytes, out [out_height][out_width].   rows [out_height],
 * columns [out_width]: indices into in, computed at compile time.   out may overlap in by its lead.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int resize_nearest(const resize_nearest_params *p, const int16_t *rows, const int16_t *columns,
    const void *in, void *out);

#endif
