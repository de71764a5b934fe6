#include "pad_strided.h"

static int is_element(const pad_strided_params *p)
{
    return p->element_bytes == 1 || p->element_bytes == 2 || p->element_bytes == 4;
}

static void fill_wide(const pad_strided_params *p, uint8_t *out)
{
    for (int32_t n = 0; n < p->out_bytes; n += p->element_bytes) {
        if (p->element_bytes == 2) {
            const int16_t half = (int16_t)p->fill;
            memcpy(out + n, &half, sizeof half);
        } else {
            memcpy(out + n, &p->fill, sizeof p->fill);
        }
    }
}

int pad_strided(const pad_strided_params *p, const void *in, void *out)
{
    const uint8_t *from = in;
    uint8_t *to = out;
    if (!p || !in || !out || p->run_bytes < 1 || p->out_bytes < 0 || !is_element(p)) {
        return EDGE_BAD_ARG;
    }
    if (p->element_bytes == 1) {
        memset(out, p->fill, (size_t)p->out_bytes);
    } else {
        fill_wide(p, out);
    }
    for (int32_t i = 0; i < p->dims[0]; i++) {
        for (int32_t j = 0; j < p->dims[1]; j++) {
            for (int32_t k = 0; k < p->dims[2]; k++) {
                for (int32_t l = 0; l < p->dims[3]; l++) {
                    const int32_t offset = p->offset_bytes + i * p->strides[0]
                        + j * p->strides[1] + k * p->strides[2] + l * p->strides[3];
                    memcpy(to + offset, from, (size_t)p->run_bytes);
                    from += p->run_bytes;
                }
            }
        }
    }
    return EDGE_OK;
}
