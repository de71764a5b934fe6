#include "requantize_s8.h"

#include "edge_dsp_bytes.h"

#define LARGEST 255 /* a code less its zero point */

/* With any multiplier and shift. */
static int8_t scale_any(const requantize_s8_params *p, int32_t code)
{
    const int32_t scaled =
        edge_multiply_double_rounding(code - p->in_zero_point, p->multiplier, p->shift);
    return (int8_t)edge_clamp(scaled + p->out_zero_point, -128, 127);
}

/* With one upper product. */
static void scale_shortly(const requantize_s8_params *p, const int8_t *in, int8_t *out)
{
    const edge_short_scale scale =
        edge_make_short_scale(p->multiplier, p->shift, p->out_zero_point);
    const int32_t zero_point = p->in_zero_point;
    for (const int8_t *end = in + p->elements; in != end; in++)
        *out++ = edge_scale_shortly(&scale, edge_shift_left(*in - zero_point, scale.left));
}

int requantize_s8(const requantize_s8_params *p, const int8_t *in, int8_t *out)
{
    if (!p || !in || !out || p->elements < 0 || p->shift < -31 || p->shift > 31
        || !edge_is_s8(p->low) || !edge_is_s8(p->high) || p->low > p->high)
        return EDGE_BAD_ARG;
    if (edge_has_short_scale(p->multiplier, p->shift, LARGEST)) {
        scale_shortly(p, in, out);
    } else {
        for (int32_t n = 0; n < p->elements; n++)
            out[n] = scale_any(p, in[n]);
    }
    for (int32_t n = 0; (p->low > -128 || p->high < 127) && n < p->elements; n++)
        out[n] = (int8_t)edge_clamp(out[n], p->low, p->high);
    return EDGE_OK;
}
