/* Three sums in two words: three products in two multiplications.
 *
 * Words are added and multiplied modulo 2^32. For inputs a, b, c and one weight after the other,
 *     first = a + b * 2^21        second = c + b * 2^10
 * become the same of their sums. Where the sums of a and c are within -2^20..2^20 - 1 and that of b
 * within -2^21..2^21 - 1, they can be told apart: a is the lower 21 bits of first, above them are
 * the lower 11 bits of b; these known, c is the lower 21 bits of second and above them are the upper
 * 11 bits of b. Only the final sums must be in range. */
#ifndef EDGE_TRIPLE_H
#define EDGE_TRIPLE_H

#include "edgetool_kernels.h"

#define EDGE_TRIPLE_FIRST 21  /* bits that b is shifted by in the first word */
#define EDGE_TRIPLE_SECOND 10 /* and in the second; both are 2^32's 32 bits, less b's own 1 */

typedef struct {
    int32_t a, b, c;
} edge_triple;

/* The first word of a and b. */
static inline uint32_t edge_first_word(int32_t a, int32_t b)
{
    return ((uint32_t)b << EDGE_TRIPLE_FIRST) + (uint32_t)a;
}

/* The second word of b and c. */
static inline uint32_t edge_second_word(int32_t b, int32_t c)
{
    return ((uint32_t)b << EDGE_TRIPLE_SECOND) + (uint32_t)c;
}

/* The sum in the lower 21 bits of a word. */
static inline int32_t edge_lower_sum(uint32_t word)
{
    return (int32_t)(word << (32 - EDGE_TRIPLE_FIRST)) >> (32 - EDGE_TRIPLE_FIRST);
}

/* The sums in two words. */
static inline edge_triple edge_unpack(uint32_t first, uint32_t second)
{
    const int32_t a = edge_lower_sum(first);
    const uint32_t lower = (first - (uint32_t)a) >> EDGE_TRIPLE_FIRST;
    const uint32_t rest = second - (lower << EDGE_TRIPLE_SECOND);
    const int32_t c = edge_lower_sum(rest);
    const int32_t upper = (int32_t)(rest - (uint32_t)c) >> EDGE_TRIPLE_SECOND;
    const edge_triple sums = {a, (int32_t)lower + upper, c};
    return sums;
}

#endif
