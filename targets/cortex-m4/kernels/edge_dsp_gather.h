#ifndef EDGE_DSP_GATHER_H
#define EDGE_DSP_GATHER_H

#include "edge_dsp.h"

/* 4 * groups bytes at each of 3 addresses as columns: words of two taps as int16, in the order
 * 0 2, 1 3 of each four; the words of the 3 pixels lie side by side. 13 instructions a group.
 * groups >= 1. Returns the columns' end. */
uint32_t *edge_widen_3(uint32_t *columns, const int8_t *const in[3], int32_t groups);

#endif
