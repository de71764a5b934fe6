#include "resize_nearest.h"

int resize_nearest(const resize_nearest_params *p, const int16_t *rows, const int16_t *columns,
    const void *in, void *out)
{
    uint8_t *to = out;
    if (!p || !rows || !columns || !in || !out || p->out_height < 0 || p->out_width < 0
        || p->pixel_bytes < 1) {
        return EDGE_BAD_ARG;
    }
    for (int32_t y = 0; y < p->out_height; y++) {
        const uint8_t *row = (const uint8_t *)in + rows[y] * p->in_row_bytes;
        for (int32_t x = 0; x < p->out_width; x++) {
            memcpy(to, row + columns[x] * p->pixel_bytes, (size_t)p->pixel_bytes);
            to += p->pixel_bytes;
        }
    }
    return EDGE_OK;
}
