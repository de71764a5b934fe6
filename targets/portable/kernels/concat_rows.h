#ifndef CONCAT_ROWS_H
#define CONCAT_ROWS_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t outer;
    int32_t inputs;
} concat_rows_params;

/* Tensors joined along one axis: for each of `outer` blocks, row_bytes[i] bytes of input i.
 * Any element type.   row_bytes [inputs].   The inputs follow as `inputs` pointers (const void *).
 * out must not overlap an input.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int concat_rows(const concat_rows_params *p, const int32_t *row_bytes, void *out, ...);

#endif
