#ifndef MAX_POOL2D_S8_H
#define MAX_POOL2D_S8_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t in_height;
    int32_t in_width;
    int32_t channels;
    int32_t kernel_height;
    int32_t kernel_width;
    int32_t stride_height;
    int32_t stride_width;
    int32_t pad_top;
    int32_t pad_left;
    int32_t out_height;
    int32_t out_width;
    int32_t low;
    int32_t high;
} max_pool2d_s8_params;

/* Maximum over windows of height and width, int8.
 * in [h][w][c], out [oh][ow][c]; scale and zero point are the input's, low and high its codes.
 * Elements in the padding never win; each window must meet the input.
 * out may overlap in by its lead.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int max_pool2d_s8(const max_pool2d_s8_params *p, const int8_t *in, int8_t *out);

#endif
