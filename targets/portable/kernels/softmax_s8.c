#include "softmax_s8.h"

#define SUM_INTEGER_BITS 12 /* the sum of exponentials is below 2^12 */
#define MAX_DEPTH ((1 << SUM_INTEGER_BITS) - 1)
#define OUTPUT_BITS 8
#define FORTY_EIGHT_17THS 1515870810      /* Q2.29 */
#define MINUS_THIRTY_TWO_17THS (-1010580540) /* Q2.29 */
#define ONE_Q2_29 (1 << 29)

static int32_t shift_left_saturating(int32_t x, int32_t bits)
{
    const int32_t limit = INT32_MAX >> bits;
    if (x > limit) {
        return INT32_MAX;
    }
    return x < -limit - 1 ? INT32_MIN : edge_shift_left(x, bits);
}

static int32_t leading_zeros(uint32_t x)
{
    int32_t count = 0;
    while ((x & 0x80000000u) == 0u) {
        x <<= 1;
        count++;
    }
    return count;
}

/* 2^31 / (1 + fraction / 2^31) for fraction >= 0, by Newton's division in Q2.29. */
static int32_t reciprocal_of_one_plus(int32_t fraction)
{
    const int32_t half = (int32_t)(((int64_t)fraction + INT32_MAX + 1) >> 1);
    int32_t x = FORTY_EIGHT_17THS + edge_multiply_high(half, MINUS_THIRTY_TWO_17THS);
    for (int step = 0; step < 3; step++) {
        const int32_t error = ONE_Q2_29 - edge_multiply_high(half, x);
        x += shift_left_saturating(edge_multiply_high(x, error), 2);
    }
    return shift_left_saturating(x, 1);
}

static int32_t row_maximum(const int8_t *in, int32_t depth)
{
    int32_t maximum = in[0];
    for (int32_t n = 1; n < depth; n++) {
        maximum = in[n] > maximum ? in[n] : maximum;
    }
    return maximum;
}

static void softmax_row(
    const softmax_s8_params *p, const int32_t *exponentials, const int8_t *in, int8_t *out)
{
    const int32_t maximum = row_maximum(in, p->depth);
    int32_t sum = 0;
    for (int32_t n = 0; n < p->depth; n++) {
        const int32_t distance = maximum - in[n];
        if (distance < p->entries) {
            sum += edge_divide_by_power_of_two(exponentials[distance], SUM_INTEGER_BITS);
        }
    }
    const int32_t zeros = leading_zeros((uint32_t)sum);
    const int32_t fraction = (int32_t)(((uint32_t)sum << zeros) - 0x80000000u);
    const int32_t scale = reciprocal_of_one_plus(fraction);
    const int32_t exponent = SUM_INTEGER_BITS - zeros + 31 - OUTPUT_BITS;
    for (int32_t n = 0; n < p->depth; n++) {
        const int32_t distance = maximum - in[n];
        int32_t code = -128;
        if (distance < p->entries) {
            const int32_t share = edge_multiply_high(exponentials[distance], scale);
            code += edge_divide_by_power_of_two(share, exponent);
        }
        out[n] = (int8_t)edge_clamp(code, -128, 127);
    }
}

int softmax_s8(const softmax_s8_params *p, const int32_t *exponentials, const int8_t *in,
    int8_t *out)
{
    if (!p || !exponentials || !in || !out || p->rows < 0 || p->depth < 1
        || p->depth > MAX_DEPTH || p->entries < 1 || p->entries > 256) {
        return EDGE_BAD_ARG;
    }
    for (int32_t row = 0; row < p->rows; row++) {
        softmax_row(p, exponentials, in + row * p->depth, out + row * p->depth);
    }
    return EDGE_OK;
}
