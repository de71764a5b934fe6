#ifndef PAD_STRIDED_H
#define PAD_STRIDED_H

#include "edgetool_kernels.h"

typedef struct {
    int32_t element_bytes;
    int32_t fill;
    int32_t out_bytes;
    int32_t offset_bytes; /* of the first run in out */
    int32_t dims[4];      /* of in, in runs, outermost first */
    int32_t strides[4];   /* of out, bytes */
    int32_t run_bytes;
} pad_strided_params;

/* Fills out with one element, then copies in into the middle of it, run_bytes at a time.
 * Any element type of 1, 2 or 4 bytes; fill holds the element's bits.   out must not overlap in.
 * Returns EDGE_OK or EDGE_BAD_ARG; writes nothing on EDGE_BAD_ARG. */
int pad_strided(const pad_strided_params *p, const void *in, void *out);

#endif
