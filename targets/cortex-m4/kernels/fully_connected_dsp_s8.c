#include "fully_connected_dsp_s8.h"

#include "edge_dsp_fours.h"
#include "edge_dsp_tails.h"

#define OUTPUTS 4 /* that share the loads of inputs */

/* int8 inputs as int16 in the order 0 2, 1 3 of each four, zeros behind the last one. */
static void widen(const int8_t *in, int32_t count, uint32_t *to)
{
    for (; count >= 4; count -= 4, in += 4) {
        const uint32_t word = edge_load_word(in);
        *to++ = edge_sxtb16(word);
        *to++ = edge_sxtb16_odd(word);
    }
    if (count > 0) {
        uint32_t word = 0;
        memcpy(&word, in, (size_t)count);
        *to++ = edge_sxtb16(word);
        *to++ = edge_sxtb16_odd(word);
    }
}

/* Biases of a four; the second and fourth times 256, plus the one before. */
static inline void start_four(const int32_t *bias, int32_t count, int32_t *sums)
{
    const uint32_t first = (uint32_t)bias[0];
    const uint32_t second = count > 1 ? (uint32_t)bias[1] : 0;
    const uint32_t third = count > 2 ? (uint32_t)bias[2] : 0;
    const uint32_t fourth = count > 3 ? (uint32_t)bias[3] : 0;
    sums[0] = (int32_t)first;
    sums[1] = (int32_t)((second << 8) + first);
    sums[2] = (int32_t)third;
    sums[3] = (int32_t)((fourth << 8) + third);
}

/* How sums become outputs: a copy, which no output can overwrite. */
typedef struct {
    const int32_t *multipliers, *addends;
    const int8_t *shifts;
    int32_t step, right, sign; /* step: between channels, 0 with one scale for all */
} scales;

static inline int32_t saturate(int32_t x)
{
    int32_t result;
    __asm__("ssat %0, #8, %1" : "=r"(result) : "r"(x));
    return result;
}

static inline int8_t finish(const scales *s, int32_t sum)
{
    const int32_t addend = *s->addends + (s->sign & (sum >> 31));
    const int32_t shifted = edge_shift_left(sum, *s->shifts);
    return (int8_t)saturate(edge_smmla(shifted, *s->multipliers, addend) >> s->right);
}

/* The outputs of one four, as many of them as there are. */
static int8_t *finish_four(scales *s, const int32_t *sums, int32_t count, int8_t *out)
{
    const int32_t end = count < OUTPUTS ? count : OUTPUTS;
    for (int32_t i = 0; i < end; i++) {
        *out++ = finish(s, sums[i]);
        s->multipliers += s->step;
        s->addends += s->step;
        s->shifts += s->step;
    }
    return out;
}

/* The same with one scale. */
static int8_t *finish_whole_four(const scales *s, const int32_t *sums, int8_t *out)
{
    const int32_t shift = *s->shifts, right = s->right, sign = s->sign;
    const int32_t multiplier = *s->multipliers, addend = *s->addends;
    EDGE_UNROLL(4)
    for (int32_t i = 0; i < OUTPUTS; i++) {
        const int32_t shifted = edge_shift_left(sums[i], shift);
        const int32_t scaled = edge_smmla(shifted, multiplier, addend + (sign & (shifted >> 31)));
        out[i] = (int8_t)saturate(scaled >> right);
    }
    return out + OUTPUTS;
}

static void clamp_bytes(const fully_connected_dsp_s8_params *p, int8_t *out)
{
    for (int32_t i = 0; i < p->rows * p->out_size; i++)
        out[i] = (int8_t)edge_clamp(out[i], p->out_min, p->out_max);
}

static int is_valid(const fully_connected_dsp_s8_params *p)
{
    return p->rows > 0 && p->in_size > 0 && p->out_size > 0 && p->right > 0 && p->right <= 16 &&
           (p->sign == 0 || p->sign == -1) && edge_is_s8(p->out_min) && edge_is_s8(p->out_max) &&
           p->out_min <= p->out_max;
}

int fully_connected_dsp_s8(const fully_connected_dsp_s8_params *p, const int8_t *in,
                           const uint32_t *weights, const int32_t *bias,
                           const int32_t *multipliers, const int32_t *addends,
                           const int8_t *shifts, int8_t *out, void *scratch)
{
    if (!p || !in || !weights || !bias || !multipliers || !addends || !shifts || !out ||
        !scratch || !is_valid(p))
        return EDGE_BAD_ARG;
    uint32_t *const wide = scratch;
    const uint32_t *const end = wide + (p->in_size + 3) / 4 * 2;
    int8_t *to = out;
    for (int32_t row = 0; row < p->rows; row++, in += p->in_size) {
        scales s = {multipliers, addends, shifts, p->per_channel ? 1 : 0, p->right, p->sign};
        const uint32_t *weight = weights;
        widen(in, p->in_size, wide);
        for (int32_t channel = 0; channel < p->out_size; channel += OUTPUTS) {
            const int32_t left = p->out_size - channel;
            int32_t sums[OUTPUTS];
            start_four(bias + channel, left, sums);
            weight = edge_dot_fours(wide, end, weight, sums);
            sums[1] = (int32_t)((uint32_t)sums[1] - (uint32_t)sums[0]) >> 8;
            sums[3] = (int32_t)((uint32_t)sums[3] - (uint32_t)sums[2]) >> 8;
            to = s.step == 0 && left >= OUTPUTS ? finish_whole_four(&s, sums, to)
                                                : finish_four(&s, sums, left, to);
        }
    }
    if (p->out_min > -128 || p->out_max < 127)
        clamp_bytes(p, out);
    return EDGE_OK;
}
