#include "edge_nibbles.h"

/* The int4 in the low half of x. */
static inline int8_t low_nibble(uint32_t x)
{
    return (int8_t)((int32_t)((x & 15u) ^ 8u) - 8);
}

void edge_unpack_nibbles(const int8_t *packed, int32_t count, int8_t *weights)
{
    for (; count >= 2; count -= 2) {
        const uint32_t pair = (uint8_t)*packed++;
        *weights++ = low_nibble(pair);
        *weights++ = low_nibble(pair >> 4);
    }
    if (count > 0)
        *weights = low_nibble((uint8_t)*packed);
}
