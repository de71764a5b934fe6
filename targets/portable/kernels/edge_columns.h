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

/* One row of three taps. One product a statement keeps compilers from summing products apart,
 * which needs registers. */
#define EDGE_ROW_OF_3(cells, weights) \
    do { \
        const int32_t left = (weights)[0], middle = (weights)[1], right = (weights)[2]; \
        int32_t cell = (cells)[0]; \
        a += cell * left; \
        cell = (cells)[1]; \
        a += cell * middle; \
        b += cell * left; \
        cell = (cells)[2]; \
        a += cell * right; \
        b += cell * middle; \
        c += cell * left; \
        cell = (cells)[3]; \
        b += cell * right; \
        c += cell * middle; \
        d += cell * left; \
        cell = (cells)[4]; \
        c += cell * right; \
        d += cell * middle; \
        cell = (cells)[5]; \
        d += cell * right; \
    } while (0)

/* Add to sums [4] 3 x 3 neighbouring taps at four neighbouring outputs; cells: the first tap. */
static inline void edge_sum_columns_3x3(const edge_taps *taps, const edge_cell *cells,
                                        const int8_t *weights, int32_t *sums)
{
    const int32_t step = taps->tap_row;
    int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3];
    EDGE_ROW_OF_3(cells, weights);
    cells += step;
    EDGE_ROW_OF_3(cells, weights + 3);
    cells += step;
    EDGE_ROW_OF_3(cells, weights + 6);
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
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
