/* From sums to int8: LiteRT's two roundings in as few instructions as are exact for a layer.
 * A core without a long multiply brings its own edge_scale.h. */
#ifndef EDGE_SCALE_H
#define EDGE_SCALE_H

#include "edge_product.h"
#include "edge_saturate.h"

/* What a layer's sums need. The first two are for layers that clamp to all of int8. */
#define EDGE_RECTIFIED 0 /* sums below 0 give the lower clamp: the zero point is -128 */
#define EDGE_LINEAR 1
#define EDGE_ANY 2       /* any clamp; multipliers and shifts as LiteRT's, shifts -22..-1 */

/* What all channels share. split, limit: for cores without a long multiply.   roundings: 2 for
 * those of LiteRT's convolutions, 1 for that of its fully connected layers. */
typedef struct {
    int32_t zero_point, low, high, split, limit, roundings;
} edge_scaling;

/* One channel. With s = 17 + LiteRT's shift, 2..15, and the sum within int32 when shifted left:
 *     y + zero point = ((sum << s) * multiplier / 2^32 + addend - [sum < 0] * sign) >> 16
 * where multiplier is LiteRT's and s is what `shifts` holds. The last term moves only outputs below
 * the zero point. */
typedef struct {
    int32_t multiplier, shift, addend, sign;
} edge_scale;

static inline edge_scale edge_scale_of(const edge_scaling *layer, int32_t multiplier,
                                       int32_t shift, int tail)
{
    edge_scale found = {multiplier, shift, 0, 0};
    if (tail == EDGE_ANY) {
        found.shift = -shift;
        found.addend = edge_rounding(layer->zero_point, -shift);
    } else {
        const int32_t half = layer->roundings == 2 ? 1 << (shift - 2) : 0;
        found.sign = half ? 2 * half : 1;
        found.addend = half + (2 * layer->zero_point + 1) * (1 << 15);
    }
    return found;
}

/* tail: one of the above, a constant. */
static inline int8_t edge_scaled(const edge_scaling *layer, const edge_scale *scale, int32_t sum,
                                 int tail)
{
    if (tail == EDGE_ANY) {
        const int32_t value =
            edge_requantize(sum, scale->multiplier, scale->shift, scale->addend);
        return (int8_t)edge_clamp(value, layer->low, layer->high);
    }
    const int32_t shifted = edge_shift_left(sum, scale->shift);
    int32_t high = (int32_t)(((int64_t)shifted * scale->multiplier) >> 32) + scale->addend;
    if (tail == EDGE_LINEAR)
        high -= (shifted >> 31) & scale->sign;
    return edge_saturate_high(high);
}

/* Whether a layer's constants are legal. */
static inline int edge_is_scaling(const edge_scaling *layer, int32_t tail)
{
    return tail >= EDGE_RECTIFIED && tail <= EDGE_ANY && edge_is_s8(layer->zero_point) &&
           edge_is_s8(layer->low) && edge_is_s8(layer->high) && layer->low <= layer->high &&
           layer->split >= 0 && layer->split <= 15;
}

#endif
