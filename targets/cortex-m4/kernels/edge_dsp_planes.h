/* Planes of int16 columns in scratch, two columns a word: what all geometries share. */
#ifndef EDGE_DSP_PLANES_H
#define EDGE_DSP_PLANES_H

#include "edge_dsp.h"

/* Zeros for `words` words at the same place of every plane, `plane` words apart. */
void edge_blank_planes(uint32_t *row, int32_t words, int32_t plane, int32_t planes);

/* Moves `words` words of every plane `by` words towards its beginning. */
void edge_move_planes(uint32_t *first, int32_t by, int32_t words, int32_t plane, int32_t planes);

/* Loads 3 or 4 words (count, a constant) by one instruction; returns the address behind them. */
static inline __attribute__((always_inline)) const uint32_t *edge_load_row(
    const uint32_t *row, uint32_t words[4], const int32_t count)
{
    register uint32_t a __asm__("r8"), b __asm__("r9"), c __asm__("r10"), d __asm__("r11");
    if (count == 3) {
        __asm__ volatile("ldm %0!, {%1, %2, %3}"
                         : "+r"(row), "=r"(a), "=r"(b), "=r"(c)
                         :
                         : "memory");
    } else {
        __asm__ volatile("ldm %0!, {%1, %2, %3, %4}"
                         : "+r"(row), "=r"(a), "=r"(b), "=r"(c), "=r"(d)
                         :
                         : "memory");
        words[3] = d;
    }
    words[0] = a;
    words[1] = b;
    words[2] = c;
    return row;
}

#endif
