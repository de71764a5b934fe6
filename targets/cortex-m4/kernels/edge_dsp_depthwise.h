#ifndef EDGE_DSP_DEPTHWISE_H
#define EDGE_DSP_DEPTHWISE_H

#include "edge_dsp.h"

/* Columns of a strip of 3 input rows: 6 words a column for 4 channels. Channels a, b are 0, 2 in
 * the first 3 words and 1, 3 in the last: pair of b in the upper two rows, a and b in the third
 * row, pair of a in the upper two rows; each an int16 half, the earlier row or channel below. */
#define EDGE_COLUMN_WORDS 6
#define EDGE_COLUMN_BYTES 24

/* Widens 3 rows into columns.   ends: of each row, behind the last column, at the 4 channels.
 * from: -pitch * (number of columns), below 0.   pitch: bytes between columns of the input. */
void edge_columns_3(uint32_t *columns, const int8_t *const ends[3], int32_t from, int32_t pitch);

/* In the order that the code reads: sums start from bias of channels 0 2 1 3; weights of each
 * column of taps in the columns' order; multipliers and addends, m0 m2 a0 a2, m1 m3 a1 a3. */
typedef struct {
    int32_t bias[4];
    uint32_t weights[3][EDGE_COLUMN_WORDS];
    int32_t scales[8];
} edge_depthwise_quad;

typedef struct {
    const uint32_t *columns;
    const uint32_t *columns_end; /* where a pixel's window would start behind the last one */
    int8_t *out;
    int32_t out_pitch;
    int32_t back;                /* bytes from the end of a window back to the next window */
} edge_depthwise_row;

/* One row of 3x3 windows for 4 channels: (sum * multiplier / 2^32 + addend) >> 12. */
void edge_depthwise_row_3x3(const edge_depthwise_row *row, const edge_depthwise_quad *quad);

#endif
