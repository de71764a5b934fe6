#ifndef FULLY_CONNECTED_DSP_S8_H
#define FULLY_CONNECTED_DSP_S8_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t rows, in_size, out_size;
    int32_t right, sign;
    int32_t out_min, out_max;
    int32_t per_channel;
} fully_connected_dsp_s8_params;

/* Fully connected layer with the dual multiply-accumulate, int8 in and out.
 * in [rows][in_size]   out [rows][out_size]
 * weights: for every 4 outputs and every 4 inputs 4 words, two of outputs 0 and 1, two of outputs 2
 * and 3: int16 halves 256 * w1 + w0 of inputs 0 and 2, then of 1 and 3; zeros fill up both.
 * bias [out_size], the input's zero point folded in; the second and fourth outputs' sums stay below
 * 2^23.   multipliers, addends, shifts: [out_size] if per_channel, else [1]:
 * (((sum << shift) * multiplier >> 32) + addend + (sign & sum >> 31)) >> right, right 1..16, shifts
 * 0..16, sign 0 or -1; nothing of it leaves int32.
 * scratch: 4-byte aligned, 2 bytes for each input, rounded up to 4 inputs.
 * out may begin where in does, with one row.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int fully_connected_dsp_s8(const fully_connected_dsp_s8_params *p, const int8_t *in,
                           const uint32_t *weights, const int32_t *bias,
                           const int32_t *multipliers, const int32_t *addends,
                           const int8_t *shifts, int8_t *out, void *scratch);

#endif
