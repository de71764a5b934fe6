#include "edge_patch.h"

const int8_t *edge_patch_run(
    const edge_image *image, int32_t y, int32_t x, int32_t taps, int8_t *buffer)
{
    const int32_t channels = image->channels;
    if (y < 0 || y >= image->height) {
        memset(buffer, image->zero_point, (size_t)(taps * channels));
        return buffer;
    }
    const int8_t *row = image->in + y * image->width * channels;
    if (x >= 0 && x + taps <= image->width)
        return row + x * channels;
    const int32_t first = edge_clamp(-x, 0, taps);
    const int32_t end = edge_clamp(image->width - x, first, taps);
    memset(buffer, image->zero_point, (size_t)(taps * channels));
    if (end > first)
        memcpy(buffer + first * channels, row + (x + first) * channels,
               (size_t)((end - first) * channels));
    return buffer;
}
