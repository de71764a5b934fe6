/* Sums of the same channels of many pixels. */
#ifndef EDGE_MVE_SUM_H
#define EDGE_MVE_SUM_H

#include "edge_mve.h"

#include <arm_mve.h>

#define EDGE_SUMMED 8    /* channels at once */
#define EDGE_SUM_RUN 256 /* pixels whose int8 codes fit in sums of int16 */

/* Sums of 8 channels: even ones and odd ones apart, as VMOVL parts them. */
typedef struct {
    int32x4_t even, odd;
} edge_sums;

/* Adds pixels that lie step bytes apart.   channels: those that exist. */
static inline edge_sums edge_add_pixels(edge_sums to, const int8_t *in, int32_t pixels,
                                        int32_t step, mve_pred16_t channels)
{
    while (pixels > 0) {
        int16x8_t sum = vdupq_n_s16(0);
        int32_t run = pixels < EDGE_SUM_RUN ? pixels : EDGE_SUM_RUN;
        for (pixels -= run; run > 0; run--, in += step)
            sum = vaddq_s16(sum, vldrbq_z_s16(in, channels));
        to.even = vaddq_s32(to.even, vmovlbq_s16(sum));
        to.odd = vaddq_s32(to.odd, vmovltq_s16(sum));
    }
    return to;
}

/* Stores the low bytes of 8 channels in their order. */
static inline void edge_store_sums(int8_t *out, edge_sums of, mve_pred16_t channels)
{
    int16x8_t both = vmovnbq_s32(vdupq_n_s16(0), of.even);
    both = vmovntq_s32(both, of.odd);
    vstrbq_p_s16(out, both, channels);
}

#endif
