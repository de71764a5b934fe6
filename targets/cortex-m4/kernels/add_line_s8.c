#include "add_line_s8.h"

#include "edge_dsp_bytes.h"
#include "edge_dsp_tails.h"

static inline int8_t add(const add_line_s8_params *line, int32_t a, int32_t b)
{
    const int32_t sum = a * line->a_factor + line->offset + b * line->b_factor;
    return (int8_t)edge_saturate_byte(sum >> line->shift);
}

static void add_row(const add_line_s8_params *p, const int8_t *a, const int8_t *b, int8_t *out)
{
    const add_line_s8_params line = *p; /* a copy, which no output can overwrite */
    const int32_t a_step = line.a_strides[3], b_step = line.b_strides[3];
    int32_t left = line.dims[3];
    int8_t *to = out;
    for (; a_step == 1 && b_step == 1 && left >= 4; left -= 4, a += 4, b += 4, to += 4) {
        EDGE_UNROLL(4)
        for (int32_t i = 0; i < 4; i++)
            to[i] = add(&line, a[i], b[i]);
    }
    for (; left > 0; left--, a += a_step, b += b_step)
        *to++ = add(&line, *a, *b);
    for (; (line.low > -128 || line.high < 127) && to != out; to--)
        to[-1] = (int8_t)edge_clamp(to[-1], line.low, line.high);
}

static int is_valid(const add_line_s8_params *p)
{
    return p->shift >= 0 && p->shift <= 31 && edge_is_s8(p->low) && edge_is_s8(p->high)
        && p->low <= p->high;
}

int add_line_s8(const add_line_s8_params *p, const int8_t *a, const int8_t *b, int8_t *out)
{
    if (!p || !a || !b || !out || !is_valid(p))
        return EDGE_BAD_ARG;
    for (int32_t i = 0; i < p->dims[0]; i++) {
        for (int32_t j = 0; j < p->dims[1]; j++) {
            for (int32_t k = 0; k < p->dims[2]; k++) {
                add_row(p, a + i * p->a_strides[0] + j * p->a_strides[1] + k * p->a_strides[2],
                    b + i * p->b_strides[0] + j * p->b_strides[1] + k * p->b_strides[2], out);
                out += p->dims[3];
            }
        }
    }
    return EDGE_OK;
}
