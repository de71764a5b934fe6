#ifndef EDGE_DSP_GATHER_H
#define EDGE_DSP_GATHER_H

#include "edge_dsp.h"

/* rows stretches of 4 * groups bytes at each of 3 addresses as columns: words of two taps as
 * int16, in the order 0 2, 1 3 of each four; the words of the 3 pixels lie side by side. From the
 * start of a stretch to the next it is row bytes. 13 instructions a group.   groups, rows >= 1.
 * Returns the columns' end. */
uint32_t *edge_widen_3(uint32_t *columns, const int8_t *const in[3], int32_t groups, int32_t rows,
                       int32_t row);

/* rows stretches of bytes side by side; from the start of one to the next it is row bytes in the
 * input. 4 instructions a word.   bytes >= 4, rows >= 1. Returns the end of the copy. */
int8_t *edge_copy_rows(int8_t *to, const int8_t *from, int32_t bytes, int32_t rows, int32_t row);

#endif
