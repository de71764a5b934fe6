#include "fully_connected_quads_s8.h"
#include "edge_scale.h"

#define OUTPUTS 4
#define UNROLLED 4

/* -128 * sum(in): what the 128 in every weight adds, taken back. */
static int32_t offset_of(const int8_t *in, int32_t count)
{
    int32_t sum = 0;
    for (const int8_t *const end = in + count; in != end; in++)
        sum += *in;
    return -128 * sum;
}

#define EDGE_INPUT(n) \
    do { \
        const int32_t x = in[n]; \
        a += x * w[OUTPUTS * (n)]; \
        b += x * w[OUTPUTS * (n) + 1]; \
        c += x * w[OUTPUTS * (n) + 2]; \
        d += x * w[OUTPUTS * (n) + 3]; \
    } while (0)

/* Add to sums [4] the products of count inputs with the weights of four outputs. */
EDGE_NOINLINE static void add_products(const int8_t *in, int32_t count, const uint8_t *w,
                                       int32_t *sums)
{
    int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3];
    const int8_t *const end = in + count;
    for (const int8_t *const whole = in + count / UNROLLED * UNROLLED; in != whole;) {
        EDGE_INPUT(0);
        EDGE_INPUT(1);
        EDGE_INPUT(2);
        EDGE_INPUT(3);
        in += UNROLLED;
        w += UNROLLED * OUTPUTS;
    }
    for (; in != end; in++, w += OUTPUTS)
        EDGE_INPUT(0);
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

/* The same of a single output. */
static int32_t add_products_of_one(const int8_t *in, int32_t count, const uint8_t *w, int32_t sum)
{
    for (const int8_t *const end = in + count; in != end;)
        sum += *in++ * *w++;
    return sum;
}

/* The constants of all outputs. */
typedef struct {
    const int32_t *bias, *multipliers;
    const int8_t *shifts;
    edge_scaling scaling;
    int32_t tail;
} constants;

static int8_t scaled(const constants *c, int32_t output, int32_t sum)
{
    const int32_t multiplier = c->multipliers[output], shift = c->shifts[output];
    if (c->tail == EDGE_RECTIFIED) {
        const edge_scale scale = edge_scale_of(&c->scaling, multiplier, shift, EDGE_RECTIFIED);
        return edge_scaled(&c->scaling, &scale, sum, EDGE_RECTIFIED);
    }
    const edge_scale scale = edge_scale_of(&c->scaling, multiplier, shift, EDGE_LINEAR);
    return edge_scaled(&c->scaling, &scale, sum, EDGE_LINEAR);
}

static void compute_row(const fully_connected_quads_s8_params *p, const constants *c,
                        const int8_t *in, const uint8_t *w, int8_t *out)
{
    const int32_t offset = offset_of(in, p->in_size), whole = p->out_size / OUTPUTS * OUTPUTS;
    int32_t output = 0;
    while (output < whole) {
        int32_t sums[OUTPUTS];
        for (int32_t i = 0; i < OUTPUTS; i++)
            sums[i] = c->bias[output + i] + offset;
        add_products(in, p->in_size, w, sums);
        for (int32_t i = 0; i < OUTPUTS; i++, output++)
            out[output] = scaled(c, output, sums[i]);
        w += OUTPUTS * p->in_size;
    }
    for (; output < p->out_size; output++, w += p->in_size)
        out[output] =
            scaled(c, output, add_products_of_one(in, p->in_size, w, c->bias[output] + offset));
}

int fully_connected_quads_s8(const fully_connected_quads_s8_params *p, const int8_t *in,
                             const int8_t *weights, const int32_t *bias,
                             const int32_t *multipliers, const int8_t *shifts, int8_t *out)
{
    if (!p || !in || !weights || !bias || !multipliers || !shifts || !out)
        return EDGE_BAD_ARG;
    const constants all = {
        bias, multipliers, shifts, {p->out_zero_point, -128, 127, p->split, p->limit, 1}, p->tail,
    };
    if (p->rows <= 0 || p->in_size <= 0 || p->out_size <= 0 || p->tail == EDGE_ANY ||
        !edge_is_scaling(&all.scaling, p->tail))
        return EDGE_BAD_ARG;
    for (int32_t row = 0; row < p->rows; row++) {
        compute_row(p, &all, in, (const uint8_t *)weights, out);
        in += p->in_size;
        out += p->out_size;
    }
    return EDGE_OK;
}
