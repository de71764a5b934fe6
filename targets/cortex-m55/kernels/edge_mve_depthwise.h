#ifndef EDGE_MVE_DEPTHWISE_H
#define EDGE_MVE_DEPTHWISE_H

#include "edge_mve.h"

#define EDGE_DEPTHWISE_TAPS 16 /* at most, in a vector */

/* Quads of 4 channels in a row of the output. The order of the fields is that of the code's loads.
 * windows: of each channel of the first quad the first pixel's, taps side by side.
 * stream: for each quad [4][taps] bytes, then 4 biases, 4 multipliers, 4 shifts (0 or below). */
typedef struct {
    const int8_t *windows[4];
    int8_t *out;
    const int8_t *stream;
    int32_t out_zero_point;
    int32_t step;         /* bytes from a window to the next pixel's */
    int32_t out_step;     /* bytes from a pixel to the next */
    int32_t taps;         /* of a window, up to 16; behind them may be any readable bytes */
    int32_t pixels;
    int32_t channels;     /* the last quad may have fewer than 4 */
    int32_t windows_step; /* bytes from a quad's windows to the next quad's */
    int32_t tail;         /* EDGE_TAIL_RECTIFIED or EDGE_TAIL_LINEAR */
    int32_t low, high;
} edge_depthwise_row;

/* int8 taps, int32 sums, double rounding. out must not overlap the windows. */
void edge_convolve_row(const edge_depthwise_row *row);

#endif
