#include "copy_strided.h"

/* One byte is the usual run of a transposed int8 tensor: not worth a call. */
static void copy_run(uint8_t *to, const uint8_t *from, int32_t bytes)
{
    if (bytes == 1) {
        *to = *from;
    } else {
        memcpy(to, from, (size_t)bytes);
    }
}

int copy_strided(const copy_strided_params *p, const void *in, void *out)
{
    const uint8_t *from = in;
    uint8_t *to = out;
    if (!p || !in || !out || p->run_bytes < 1) {
        return EDGE_BAD_ARG;
    }
    for (int32_t i = 0; i < p->dims[0]; i++) {
        for (int32_t j = 0; j < p->dims[1]; j++) {
            for (int32_t k = 0; k < p->dims[2]; k++) {
                for (int32_t l = 0; l < p->dims[3]; l++) {
                    const int32_t offset = p->offset_bytes + i * p->strides[0]
                        + j * p->strides[1] + k * p->strides[2] + l * p->strides[3];
                    copy_run(to, from + offset, p->run_bytes);
                    to += p->run_bytes;
                }
            }
        }
    }
    return EDGE_OK;
}
