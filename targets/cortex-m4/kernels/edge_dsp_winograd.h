/* Winograd's minimal filtering F(4 x 4, 3 x 3) in exact integers: the steps for one block.
 * A tile is 4 x 4 outputs, made of 6 x 6 inputs; a block is 3 tiles side by side in memory.
 * Values of a tile at its 36 positions are sums of products, each channel on its own: 36
 * multiplications where 16 outputs of 9 taps would take 144. */
#ifndef EDGE_DSP_WINOGRAD_H
#define EDGE_DSP_WINOGRAD_H

#include "edge_dsp_dot.h"

#define EDGE_TILE 4        /* outputs along a side */
#define EDGE_TILE_INPUTS 6 /* inputs along a side */
#define EDGE_POSITIONS 36
#define EDGE_WINOGRAD_SCALE_WORDS 10 /* behind the weights of two channels */

/* One tile's inputs to their 36 values, plus EDGE_WINOGRAD_OFFSET, as columns of edge_dot.
 * in: 6 rows of 6 pixels; row and pixel: bytes from one to the next; 4 * groups channels.
 * values: of this tile; [36][2 * groups][3 tiles] pairs of int16, channels 0 2, 1 3 of each four. */
void edge_winograd_input(const int8_t *in, uint32_t *values, int32_t groups, int32_t row,
                         int32_t pixel);

/* Sums over the channels of 3 tiles and 2 output channels, position by position.
 * values: [36][channels/2][3 tiles].   weights: for each position b0, b1, then for every two
 * channels a word of either output channel's int16.   channels: a multiple of 4, at least 4.
 * sums: [36][2 output channels][3 tiles]. Returns the end of the weights. */
const uint32_t *edge_winograd_dot(const uint32_t *values, const uint32_t *weights, int32_t *sums,
                                  int32_t channels);

/* How sums of one output channel become int8. The sums' combinations, 576 times those of the
 * convolution, become those shifted by s when multiplied by factor = 2^s / 576 modulo 2^32. */
typedef struct {
    int32_t factor, bias, multiplier, addend;
    int32_t nudge; /* 2^(s - 1) where sums below zero round the other way, else 0 */
} edge_winograd_scale;

/* 4 x 4 outputs of a tile and channel from its 36 sums, which are 6 words apart.
 * row, pixel: bytes from one output to the next. */
void edge_winograd_output(const int32_t *sums, const edge_winograd_scale *scale, int8_t *out,
                          int32_t row, int32_t pixel);

#endif
