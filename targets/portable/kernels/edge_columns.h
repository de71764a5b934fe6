/* Sums of a depthwise window at four neighbouring output columns.
 * A core for which other cells or loops are faster brings its own edge_columns.h. */
#ifndef EDGE_COLUMNS_H
#define EDGE_COLUMNS_H

#include "edgetool_kernels.h"

#define EDGE_COLUMNS 4

/* One element of a plane: a single channel of an image. */
typedef int8_t edge_cell;

/* Distances in cells: between the rows and between the columns of taps, between outputs. */
typedef struct {
    int32_t rows, columns;
    int32_t tap_row, tap_column, output;
} edge_taps;

/* sums [4] of rows x 3 neighbouring taps at four neighbouring outputs; cells: the first tap. */
EDGE_NOINLINE static void edge_sum_columns_of_3(const edge_taps *taps, const edge_cell *cells,
                                                const int8_t *weights, int32_t *sums)
{
    const int32_t step = taps->tap_row;
    const int8_t *end = weights + 3 * taps->rows;
    int32_t a = 0, b = 0, c = 0, d = 0;
    for (; weights != end; weights += 3, cells += step) {
        const int32_t left = weights[0], middle = weights[1], right = weights[2];
        a += cells[0] * left + cells[1] * middle + cells[2] * right;
        b += cells[1] * left + cells[2] * middle + cells[3] * right;
        c += cells[2] * left + cells[3] * middle + cells[4] * right;
        d += cells[3] * left + cells[4] * middle + cells[5] * right;
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

/* The same for any taps. */
EDGE_NOINLINE static void edge_sum_columns(const edge_taps *taps, const edge_cell *cells,
                                           const int8_t *weights, int32_t *sums)
{
    const int32_t output = taps->output;
    int32_t a = 0, b = 0, c = 0, d = 0;
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
