#include "edge_dsp_planes.h"

/* x, of which the compiler must not know where it comes from: for the few words of a row a call of
 * memset or memmove, which it makes of loops, costs more than the loop. */
static inline uint32_t opaque(uint32_t x)
{
    __asm__("" : "+r"(x));
    return x;
}

void edge_blank_planes(uint32_t *row, int32_t words, int32_t plane, int32_t planes)
{
    const uint32_t zero = opaque(0);
    for (; planes > 0; planes--, row += plane)
        for (int32_t i = 0; i < words; i++)
            row[i] = zero;
}

void edge_move_planes(uint32_t *first, int32_t by, int32_t words, int32_t plane, int32_t planes)
{
    for (; planes > 0; planes--, first += plane)
        for (int32_t i = 0; i < words; i++)
            first[i] = opaque(first[i + by]);
}
