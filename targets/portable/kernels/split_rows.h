#ifndef SPLIT_ROWS_H
#define SPLIT_ROWS_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t outer;
    int32_t outputs;
} split_rows_params;

/* A tensor cut along one axis: of each of `outer` blocks, row_bytes[i] bytes go to output i.
 * Any element type.   row_bytes [outputs].   The outputs follow as `outputs` pointers (void *).
 * No output may overlap in.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int split_rows(const split_rows_params *p, const int32_t *row_bytes, const void *in, ...);

#endif
