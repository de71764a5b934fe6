#ifndef EDGE_DSP_GATHER_H
#define EDGE_DSP_GATHER_H

#include "edge_dsp.h"

/* Columns of 4 pixels: words of two taps as int16, taps in the order 0 2, 1 3 of each four;
 * the words of the 4 pixels lie side by side. */

/* 4 * groups bytes at each of 4 addresses; 16 instructions a group. Returns the columns' end. */
uint32_t *edge_widen_4(uint32_t *columns, const int8_t *const in[4], int32_t groups);

#endif
