#include "max_pool2d_s16.h"
#include "edge_window.h"

static int is_valid(const max_pool2d_s16_params *p)
{
    return p->channels > 0 && p->low <= p->high
        && edge_windows_meet(
            p->in_height, p->kernel_height, p->stride_height, p->pad_top, p->out_height)
        && edge_windows_meet(
            p->in_width, p->kernel_width, p->stride_width, p->pad_left, p->out_width);
}

static int16_t pooled(
    const max_pool2d_s16_params *p, const int16_t *in, edge_span rows, edge_span columns)
{
    int16_t best = INT16_MIN;
    for (int32_t y = rows.begin; y < rows.end; y++) {
        for (int32_t x = columns.begin; x < columns.end; x++) {
            const int16_t value = in[(y * p->in_width + x) * p->channels];
            best = value > best ? value : best;
        }
    }
    return (int16_t)edge_clamp(best, p->low, p->high);
}

int max_pool2d_s16(const max_pool2d_s16_params *p, const int16_t *in, int16_t *out)
{
    if (!p || !in || !out || !is_valid(p)) {
        return EDGE_BAD_ARG;
    }
    for (int32_t y = 0; y < p->out_height; y++) {
        const edge_span rows = edge_window(
            y * p->stride_height - p->pad_top, p->kernel_height, p->in_height);
        for (int32_t x = 0; x < p->out_width; x++) {
            const edge_span columns = edge_window(
                x * p->stride_width - p->pad_left, p->kernel_width, p->in_width);
            for (int32_t channel = 0; channel < p->channels; channel++) {
                *out++ = pooled(p, in + channel, rows, columns);
            }
        }
    }
    return EDGE_OK;
}
