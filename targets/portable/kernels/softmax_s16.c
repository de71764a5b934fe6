#include "softmax_s16.h"

#define MAX_DEPTH 4095

/* table at an int16 code: 512 steps of 128 codes, linear within each. */
static int32_t interpolated(const int16_t *table, int32_t code)
{
    const int16_t *base = table + 256 + (code >> 7);
    const int32_t slope = base[1] - base[0];
    return base[0] + ((slope * (code & 0x7f) + 64) >> 7);
}

static int32_t row_maximum(const int16_t *in, int32_t depth)
{
    int32_t maximum = in[0];
    for (int32_t n = 1; n < depth; n++)
        maximum = in[n] > maximum ? in[n] : maximum;
    return maximum;
}

static void softmax_row(const softmax_s16_params *p, const int16_t *exponentials,
                        const int16_t *reciprocals, const int16_t *in, int16_t *out)
{
    const int32_t maximum = row_maximum(in, p->depth);
    int32_t sum = 0;
    for (int32_t n = 0; n < p->depth; n++) {
        const int32_t steps =
            edge_multiply_double_rounding(in[n] - maximum, p->multiplier, p->shift);
        const int32_t code = steps < -65535 ? -32768 : steps + 32767;
        const int32_t power = interpolated(exponentials, code);
        out[n] = (int16_t)power;
        sum += power;
    }
    const int32_t bits = edge_bit_length((uint64_t)sum);
    const int32_t shifted = (int32_t)((((int64_t)sum << (31 - bits)) + (1 << 13)) >> 14);
    const int32_t code = edge_clamp(shifted - (3 << 15), -32768, 32767);
    const int32_t reciprocal = interpolated(reciprocals, code);
    const int32_t right = bits - 1;
    for (int32_t n = 0; n < p->depth; n++) {
        const int32_t product = out[n] * reciprocal + ((1 << right) >> 1);
        out[n] = (int16_t)edge_clamp(product >> right, 0, 32767);
    }
}

int softmax_s16(const softmax_s16_params *p, const int16_t *exponentials,
                const int16_t *reciprocals, const int16_t *in, int16_t *out)
{
    if (!p || !exponentials || !reciprocals || !in || !out || p->rows < 0 || p->depth < 1 ||
        p->depth > MAX_DEPTH || p->shift < -31 || p->shift > 31)
        return EDGE_BAD_ARG;
    for (int32_t row = 0; row < p->rows; row++) {
        softmax_row(p, exponentials, reciprocals, in, out);
        in += p->depth;
        out += p->depth;
    }
    return EDGE_OK;
}
