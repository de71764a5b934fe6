/* From sums to int8 in products of 32 bits, which are all that Armv6-M has. */
#ifndef EDGE_SCALE_H
#define EDGE_SCALE_H

#include "edge_product.h"

/* What a layer's sums need. The first two are for layers that clamp to all of int8. */
#define EDGE_RECTIFIED 0 /* sums below 0 give the lower clamp: the zero point is -128 */
#define EDGE_LINEAR 1
#define EDGE_ANY 2       /* any clamp; multipliers and shifts as LiteRT's, shifts -22..-1 */

/* What all channels share. split 1..15.   limit: larger sums of either sign count as it.
 * roundings: 2 for those of LiteRT's convolutions, 1 for that of its fully connected layers. */
typedef struct {
    int32_t zero_point, low, high, split, limit, roundings;
} edge_scaling;

/* One channel: with u = |sum|, at most the limit, multiplier M_high * 2^split + M_low and a shift
 * to the right, which are shown to give LiteRT's output for every sum (split_scaling.py):
 *     |y| = (u * M_high + (u * M_low >> split) + addend) >> shift
 *     addend = 2^(shift - 1), and for two roundings 2^(split - 1) */
typedef struct {
    int32_t shift, addend;
    uint32_t upper, lower; /* of the multiplier; with EDGE_ANY upper is all of it */
} edge_scale;

static inline edge_scale edge_scale_of(const edge_scaling *layer, int32_t multiplier,
                                       int32_t shift, int tail)
{
    edge_scale found = {shift, 0, (uint32_t)multiplier, 0};
    if (tail == EDGE_ANY) {
        found.shift = -shift;
        found.addend = edge_rounding(layer->zero_point, -shift);
    } else {
        found.addend = 1 << (shift - 1);
        if (layer->roundings == 2)
            found.addend += 1 << (layer->split - 1);
        found.upper >>= layer->split;
        found.lower = (uint32_t)multiplier - (found.upper << layer->split);
    }
    return found;
}

/* u * multiplier / 2^shift, rounded. */
static inline int32_t edge_scaled_magnitude(const edge_scaling *layer, const edge_scale *scale,
                                            uint32_t u)
{
    const uint32_t lower = u * scale->lower >> layer->split;
    return (int32_t)((u * scale->upper + lower + (uint32_t)scale->addend) >> scale->shift);
}

/* tail: one of the above, a constant. */
static inline int8_t edge_scaled(const edge_scaling *layer, const edge_scale *scale, int32_t sum,
                                 int tail)
{
    if (tail == EDGE_ANY) {
        const int32_t value =
            edge_requantize(sum, (int32_t)scale->upper, scale->shift, scale->addend);
        return (int8_t)edge_clamp(value, layer->low, layer->high);
    }
    if (tail == EDGE_RECTIFIED) {
        uint32_t u = (uint32_t)sum; /* too large where the sum is negative */
        if (u > (uint32_t)layer->limit)
            u = sum < 0 ? 0 : (uint32_t)layer->limit;
        const int32_t value = edge_scaled_magnitude(layer, scale, u);
        return (int8_t)((value > 255 ? 255 : value) - 128);
    }
    const int32_t sign = sum >> 31;
    uint32_t u = (uint32_t)((sum ^ sign) - sign);
    u = u > (uint32_t)layer->limit ? (uint32_t)layer->limit : u;
    const int32_t value = edge_scaled_magnitude(layer, scale, u);
    return (int8_t)edge_clamp(((value ^ sign) - sign) + layer->zero_point, -128, 127);
}

/* Whether a layer's constants are legal. */
static inline int edge_is_scaling(const edge_scaling *layer, int32_t tail)
{
    return tail >= EDGE_RECTIFIED && tail <= EDGE_ANY && edge_is_s8(layer->zero_point) &&
           edge_is_s8(layer->low) && edge_is_s8(layer->high) && layer->low <= layer->high &&
           layer->split >= (tail != EDGE_ANY) && layer->split <= 15;
}

#endif
