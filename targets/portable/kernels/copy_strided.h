#ifndef COPY_STRIDED_H
#define COPY_STRIDED_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t offset_bytes;
    int32_t dims[4];    /* outermost first */
    int32_t strides[4]; /* bytes */
    int32_t run_bytes;
} copy_strided_params;

/* Gathers runs of bytes from four strided loops: slices and transposes of any element type.
 * in is read at offset_bytes + i * strides[0] + j * strides[1] + …; out is written from beginning
 * to end, run_bytes at a time. Strides may be negative.   out may overlap in by its lead.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int copy_strided(const copy_strided_params *p, const void *in, void *out);

#endif
