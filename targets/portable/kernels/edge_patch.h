/* Reading windows of an image whose surroundings hold the zero point. */
#ifndef EDGE_PATCH_H
#define EDGE_PATCH_H

#include "edgetool_kernels.h"

/* in [height][width][channels] */
typedef struct {
    const int8_t *in;
    int32_t height, width, channels;
    int32_t zero_point;
} edge_image;

/* The `taps` neighbouring pixels from (y, x) on, which may lie outside the image: a pointer into
 * the image where all are inside, else to buffer [taps][channels], which is filled. */
const int8_t *edge_patch_run(
    const edge_image *image, int32_t y, int32_t x, int32_t taps, int8_t *buffer);

#endif
