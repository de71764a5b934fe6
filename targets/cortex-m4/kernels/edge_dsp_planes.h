/* Planes of int16 columns in scratch, two columns a word: what all geometries share. */
#ifndef EDGE_DSP_PLANES_H
#define EDGE_DSP_PLANES_H

#include "edge_dsp.h"

/* Zeros for `words` words at the same place of every plane, `plane` words apart. */
void edge_blank_planes(uint32_t *row, int32_t words, int32_t plane, int32_t planes);

/* Moves `words` words of every plane `by` words towards its beginning. */
void edge_move_planes(uint32_t *first, int32_t by, int32_t words, int32_t plane, int32_t planes);

#endif
