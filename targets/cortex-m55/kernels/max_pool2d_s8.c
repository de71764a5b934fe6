#include "max_pool2d_s8.h"

#include "edge_mve.h"
#include "edge_window.h"

#include <arm_mve.h>

static int is_valid(const max_pool2d_s8_params *p)
{
    return p->channels > 0 && p->low <= p->high &&
           edge_windows_meet(p->in_height, p->kernel_height, p->stride_height, p->pad_top,
                             p->out_height) &&
           edge_windows_meet(p->in_width, p->kernel_width, p->stride_width, p->pad_left,
                             p->out_width);
}

/* The largest of each channel, up to 16 channels. */
static int8x16_t find_largest(const max_pool2d_s8_params *p, const int8_t *in, edge_span rows,
                              edge_span columns, mve_pred16_t channels)
{
    int8x16_t best = vdupq_n_s8(INT8_MIN);
    for (int32_t y = rows.begin; y < rows.end; y++) {
        const int8_t *pixel = in + (y * p->in_width + columns.begin) * p->channels;
        for (int32_t left = columns.end - columns.begin; left > 0; left--, pixel += p->channels)
            best = vmaxq_s8(best, vldrbq_z_s8(pixel, channels));
    }
    return best;
}

static void pool(const max_pool2d_s8_params *p, const int8_t *in, edge_span rows,
                 edge_span columns, int8_t *out)
{
    const int8x16_t low = vdupq_n_s8((int8_t)p->low), high = vdupq_n_s8((int8_t)p->high);
    for (int32_t done = 0; done < p->channels; done += EDGE_VECTOR) {
        const mve_pred16_t some = vctp8q((uint32_t)(p->channels - done));
        const int8x16_t best = find_largest(p, in + done, rows, columns, some);
        vstrbq_p_s8(out + done, vminq_s8(vmaxq_s8(best, low), high), some);
    }
}

int max_pool2d_s8(const max_pool2d_s8_params *p, const int8_t *in, int8_t *out)
{
    if (!p || !in || !out || !is_valid(p))
        return EDGE_BAD_ARG;
    for (int32_t y = 0; y < p->out_height; y++) {
        const edge_span rows =
            edge_window(y * p->stride_height - p->pad_top, p->kernel_height, p->in_height);
        for (int32_t x = 0; x < p->out_width; x++, out += p->channels) {
            const edge_span columns =
                edge_window(x * p->stride_width - p->pad_left, p->kernel_width, p->in_width);
            pool(p, in, rows, columns, out);
        }
    }
    return EDGE_OK;
}
