#include "average_pool2d_s8.h"

#include "edge_mve_sum.h"
#include "edge_window.h"

/* Up to here (sum + count / 2) * (2^32 / count, rounded up) has the right upper word. */
#define MOST_BY_RECIPROCAL 5000

static int is_valid(const average_pool2d_s8_params *p)
{
    return p->channels > 0 && p->low <= p->high &&
           edge_windows_meet(p->in_height, p->kernel_height, p->stride_height, p->pad_top,
                             p->out_height) &&
           edge_windows_meet(p->in_width, p->kernel_width, p->stride_width, p->pad_left,
                             p->out_width);
}

static int32x4_t divide_one_by_one(int32x4_t sums, int32_t count)
{
    int32_t each[EDGE_LANES];
    vstrwq_s32(each, sums);
    for (int32_t i = 0; i < EDGE_LANES; i++)
        each[i] = (each[i] + (each[i] > 0 ? count / 2 : -(count / 2))) / count;
    return vldrwq_s32(each);
}

/* sums / count, halves away from zero. */
static int32x4_t divide(int32x4_t sums, int32_t count)
{
    if (count == 1)
        return sums;
    if (count > MOST_BY_RECIPROCAL)
        return divide_one_by_one(sums, count);
    const uint32_t reciprocal = UINT32_MAX / (uint32_t)count + 1u;
    const int32x4_t signs = vshrq_n_s32(sums, 31);
    const int32x4_t magnitudes = vaddq_n_s32(vabsq_s32(sums), count / 2);
    const uint32x4_t quotients =
        vmulhq_u32(vreinterpretq_u32_s32(magnitudes), vdupq_n_u32(reciprocal));
    return vsubq_s32(veorq_s32(vreinterpretq_s32_u32(quotients), signs), signs);
}

static int32x4_t average(const average_pool2d_s8_params *p, int32x4_t sums, int32_t count)
{
    const int32x4_t found = vmaxq_s32(divide(sums, count), vdupq_n_s32(p->low));
    return vminq_s32(found, vdupq_n_s32(p->high));
}

static void pool(const average_pool2d_s8_params *p, const int8_t *in, edge_span rows,
                 edge_span columns, int8_t *out)
{
    const int32_t width = columns.end - columns.begin, count = (rows.end - rows.begin) * width;
    const int32_t is_whole = width == p->in_width; /* rows follow each other */
    const int32_t row = p->in_width * p->channels;
    for (int32_t done = 0; done < p->channels; done += EDGE_SUMMED) {
        const mve_pred16_t some = vctp16q((uint32_t)(p->channels - done));
        const int8_t *from = in + rows.begin * row + columns.begin * p->channels + done;
        edge_sums sums = {vdupq_n_s32(0), vdupq_n_s32(0)};
        if (is_whole)
            sums = edge_add_pixels(sums, from, count, p->channels, some);
        for (int32_t y = is_whole ? rows.end : rows.begin; y < rows.end; y++, from += row)
            sums = edge_add_pixels(sums, from, width, p->channels, some);
        sums.even = average(p, sums.even, count);
        sums.odd = average(p, sums.odd, count);
        edge_store_sums(out + done, sums, some);
    }
}

int average_pool2d_s8(const average_pool2d_s8_params *p, const int8_t *in, int8_t *out)
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
