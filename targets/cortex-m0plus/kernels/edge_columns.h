/* Sums of a depthwise window at four neighbouring output columns, for Armv6-M: cells are words,
 * because only those load without an index register; the sums live in the upper registers. */
#ifndef EDGE_COLUMNS_H
#define EDGE_COLUMNS_H

#include "edgetool_kernels.h"

#define EDGE_COLUMNS 4

/* One element of a plane: a single channel of an image. */
typedef int32_t edge_cell;

/* Distances in cells: between the rows and between the columns of taps, between outputs. */
typedef struct {
    int32_t rows, columns;
    int32_t tap_row, tap_column, output;
} edge_taps;

/* Add to sums [4] rows x 3 neighbouring taps at four neighbouring outputs; cells: the first tap.
 * step: bytes between rows of cells.   end: of the weights. */
#if defined(__thumb__)
__attribute__((naked, noinline)) static void edge_sum_rows_of_3(
    __attribute__((unused)) const edge_cell *cells, __attribute__((unused)) int32_t step,
    __attribute__((unused)) const int8_t *weights, __attribute__((unused)) int32_t *sums,
    __attribute__((unused)) const int8_t *end)
{
    __asm__(
        ".syntax unified\n\t"
        "push {r4-r7, lr}\n\t"
        "mov r4, r8\n\t"
        "mov r5, r9\n\t"
        "mov r6, r10\n\t"
        "mov r7, r11\n\t"
        "push {r3-r7}\n\t"
        "mov r12, r1\n\t"
        "ldr r4, [sp, #40]\n\t"
        "mov lr, r4\n\t"
        "ldmia r3!, {r4-r7}\n\t"
        "mov r8, r4\n\t"
        "mov r9, r5\n\t"
        "mov r10, r6\n\t"
        "mov r11, r7\n"
        "1:\n\t"
        "movs r4, #0\n\t"
        "movs r5, #1\n\t"
        "movs r6, #2\n\t"
        "ldrsb r4, [r2, r4]\n\t"
        "ldrsb r5, [r2, r5]\n\t"
        "ldrsb r6, [r2, r6]\n\t"
        "adds r2, #3\n\t"
        "ldr r1, [r0, #0]\n\t"
        "muls r1, r4, r1\n\t"
        "add r8, r1\n\t"
        "ldr r1, [r0, #4]\n\t"
        "mov r3, r1\n\t"
        "muls r3, r5, r3\n\t"
        "add r8, r3\n\t"
        "muls r1, r4, r1\n\t"
        "add r9, r1\n\t"
        "ldr r1, [r0, #8]\n\t"
        "mov r3, r1\n\t"
        "muls r3, r6, r3\n\t"
        "add r8, r3\n\t"
        "mov r3, r1\n\t"
        "muls r3, r5, r3\n\t"
        "add r9, r3\n\t"
        "muls r1, r4, r1\n\t"
        "add r10, r1\n\t"
        "ldr r1, [r0, #12]\n\t"
        "mov r3, r1\n\t"
        "muls r3, r6, r3\n\t"
        "add r9, r3\n\t"
        "mov r3, r1\n\t"
        "muls r3, r5, r3\n\t"
        "add r10, r3\n\t"
        "muls r1, r4, r1\n\t"
        "add r11, r1\n\t"
        "ldr r1, [r0, #16]\n\t"
        "mov r3, r1\n\t"
        "muls r3, r6, r3\n\t"
        "add r10, r3\n\t"
        "muls r1, r5, r1\n\t"
        "add r11, r1\n\t"
        "ldr r1, [r0, #20]\n\t"
        "muls r1, r6, r1\n\t"
        "add r11, r1\n\t"
        "add r0, r12\n\t"
        "cmp r2, lr\n\t"
        "bne 1b\n\t"
        "mov r4, r8\n\t"
        "mov r5, r9\n\t"
        "mov r6, r10\n\t"
        "mov r7, r11\n\t"
        "pop {r3}\n\t"
        "stmia r3!, {r4-r7}\n\t"
        "pop {r4-r7}\n\t"
        "mov r8, r4\n\t"
        "mov r9, r5\n\t"
        "mov r10, r6\n\t"
        "mov r11, r7\n\t"
        "pop {r4-r7, pc}\n\t");
}
#else
static void edge_sum_rows_of_3(const edge_cell *cells, int32_t step, const int8_t *weights,
                               int32_t *sums, const int8_t *end)
{
    for (; weights != end; weights += 3, cells += step / 4)
        for (int32_t i = 0; i < 4; i++)
            sums[i] += cells[i] * weights[0] + cells[i + 1] * weights[1] +
                       cells[i + 2] * weights[2];
}
#endif

/* Add to sums [4] 3 x 3 neighbouring taps at four neighbouring outputs; cells: the first tap. */
static inline void edge_sum_columns_3x3(const edge_taps *taps, const edge_cell *cells,
                                        const int8_t *weights, int32_t *sums)
{
    edge_sum_rows_of_3(cells, 4 * taps->tap_row, weights, sums, weights + 9);
}

/* The same for any taps. */
static inline void edge_sum_columns(const edge_taps *taps, const edge_cell *cells,
                                    const int8_t *weights, int32_t *sums)
{
    const int32_t output = taps->output;
    int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3];
    for (int32_t row = taps->rows; row > 0; row--) {
        const edge_cell *cell = cells;
        for (int32_t column = taps->columns; column > 0; column--) {
            const int32_t weight = *weights++;
            a += cell[0] * weight;
            b += cell[output] * weight;
            c += cell[2 * output] * weight;
            d += cell[3 * output] * weight;
            cell += taps->tap_column;
        }
        cells += taps->tap_row;
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

#endif
