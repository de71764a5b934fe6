#ifndef EDGE_DSP_COLUMNS_H
#define EDGE_DSP_COLUMNS_H

#include "edge_dsp_conv2d.h"
#include "edge_dsp_stage.h"

/* Where the taps of a block of 3 pixels come from, and the scratch memory that they go to. */
typedef struct {
    const edge_dsp_conv2d_params *p;
    const int8_t *in;
    uint32_t *columns;
    int8_t *aside; /* where channels fill words, a row of zero points, else the windows' bytes */
    int8_t *rests; /* what the windows' rows have over whole words */
    int32_t depth; /* taps, rounded up to 4 */
    int32_t row;   /* bytes of an input row */
    int32_t run;   /* bytes of a kernel row */
    int32_t rest;  /* bytes of all rests of a window, rounded up to 4 */
    uint32_t inside_y, inside_x; /* windows whose corner is below these lie in the image */
} edge_dsp_image;

/* Divides up the scratch memory, as edge_dsp_conv2d.h says; end: of what is used. */
edge_dsp_image edge_dsp_image_of(const edge_dsp_conv2d_params *p, const int8_t *in, void *scratch,
                                 int8_t **end);

/* The columns of 3 windows: of every kernel row the whole words, then of every row the rest.
 * corners: of the windows. */
void edge_gather_columns(const edge_dsp_image *im, const edge_corner *corners);

/* The columns of 3 neighbouring pixels, which are the windows: channels fill words. */
void edge_gather_pixels(const edge_dsp_image *im, int32_t pixel);

#endif
