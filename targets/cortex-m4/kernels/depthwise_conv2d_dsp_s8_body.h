/* One instance of depthwise_conv2d_dsp_s8.h. The file that includes this defines EDGE_FUNCTION, and
 * of rows and columns (_ROWS, _COLUMNS):
 *   EDGE_IN_COLUMNS, EDGE_OUT_COLUMNS   EDGE_KERNEL_…, EDGE_STRIDE_…, EDGE_DILATION_…
 *   EDGE_PAD_LEFT       columns in front of the image that windows reach
 *   EDGE_IN_ROW_STEP, EDGE_IN_COLUMN_STEP, EDGE_OUT_…   bytes between neighbours
 *   EDGE_CHANNELS, EDGE_MULTIPLIER                      of the input; outputs of each
 *   EDGE_PLANE_ROWS, EDGE_PITCH, EDGE_MARGIN            rows of a plane, words of a row, and the
 *                                                       columns in front of the image, even
 *   EDGE_BLOCK          outputs that are summed at one time
 *   EDGE_UNROLLED_ROWS  of the kernel
 *   EDGE_WEIGHT_BITS    8, or 4: edge_nibbles.h says how two lie in a byte
 *   EDGE_TAIL           one of edge_dsp_tails.h; EDGE_CLAMPS: 1 where the clamp is not all of int8
 *   EDGE_IS_PREPARED    1 where channels' constants come as they are used, 0 where they are made;
 *                       1 only with EDGE_TAIL_SHIFTED_WEIGHTS and without EDGE_CLAMPS
 *
 * Four channels at a time become planes in scratch: int16, two columns a word, the zero point taken
 * off, zeros around the image. Each word meets the weights of its two columns in one instruction.
 * All loops over taps and outputs are unrolled, so that what lies outside the image costs nothing
 * and offsets are part of the instructions. */
#include "edge_dsp.h"
#include "edge_dsp_halves.h"
#include "edge_dsp_planes.h"
#include "edge_dsp_tails.h"

#define GROUP 4 /* channels of a word of the input */
#define PAIRS (EDGE_KERNEL_COLUMNS > 1 ? EDGE_KERNEL_COLUMNS - 1 : 1)
#define COVERED_ROWS ((EDGE_KERNEL_ROWS - 1) * EDGE_DILATION_ROWS + 1)
#define COVERED_COLUMNS ((EDGE_KERNEL_COLUMNS - 1) * EDGE_DILATION_COLUMNS + 1)
#define PLANE (EDGE_PLANE_ROWS * EDGE_PITCH)
#define LOADED (EDGE_PITCH <= 4 ? 4 : 2) /* words at a time */
#if EDGE_IN_COLUMNS < 8
#define WIDENED 4 /* words a round: all of a short row */
#else
#define WIDENED 2
#endif
#define IS_WHOLE_ROW (EDGE_BLOCK == EDGE_OUT_COLUMNS)
#define REST (EDGE_OUT_COLUMNS % EDGE_BLOCK)
#define WEIGHT_BYTES ((EDGE_KERNEL_ROWS * EDGE_KERNEL_COLUMNS * EDGE_WEIGHT_BITS + 7) / 8)
#define OUT_CHANNELS (EDGE_CHANNELS * EDGE_MULTIPLIER)

/* Whether the rows under a window follow each other in a plane, few enough words each that one
 * instruction loads them beside a block's sums. */
#define IS_WALKED \
    (IS_WHOLE_ROW && EDGE_DILATION_ROWS == 1 && (EDGE_PITCH == 3 || EDGE_PITCH == 4) && \
     EDGE_BLOCK + EDGE_PITCH <= 8 && EDGE_UNROLLED_ROWS == EDGE_KERNEL_ROWS)

typedef struct {
    uint32_t pairs[EDGE_KERNEL_ROWS][PAIRS]; /* weights of neighbouring taps */
#if EDGE_IS_PREPARED
    int32_t bias, multiplier, addend;
} channel_constants;

static inline edge_tail tail_of(const channel_constants *c)
{
    const edge_tail tail = {c->bias, c->multiplier, c->addend, 0, 0, -128, 127};
    return tail;
}
#else
    edge_tail tail;
} channel_constants;

static inline edge_tail tail_of(const channel_constants *c)
{
    return c->tail;
}
#endif

typedef struct {
    const depthwise_conv2d_dsp_s8_params *p;
    const int8_t *in;       /* of the group's first channel */
    uint32_t *planes;
    int32_t channels;       /* in the group */
    int32_t top;            /* row of the image that is the planes' first */
    int32_t filled;         /* rows of the planes */
} strip;

/* The tap of the block's output number `output` at this column of the planes; below 0 where there
 * is none. Behind a whole row is nothing. */
static inline __attribute__((always_inline)) int32_t tap_at(int32_t column, int32_t output)
{
    const int32_t first = output * EDGE_STRIDE_COLUMNS + EDGE_MARGIN - EDGE_PAD_LEFT;
    const int32_t distance = column - first;
    const int32_t tap = distance / EDGE_DILATION_COLUMNS;
    const int is_stored = !IS_WHOLE_ROW || column < EDGE_IN_COLUMNS;
    const int is_tap = is_stored && distance >= 0 && distance % EDGE_DILATION_COLUMNS == 0;
    return is_tap && tap < EDGE_KERNEL_COLUMNS ? tap : -1;
}

/* sum + the products of a word of two columns with the taps that its halves meet. */
static inline __attribute__((always_inline)) int32_t add_word(
    uint32_t word, const uint32_t *pairs, int32_t low, int32_t high, int32_t sum)
{
    if (low >= 0 && high >= 0)
        return edge_smlad_ordered(word, pairs[low], sum);
    if (low >= 0 && low < PAIRS)
        return edge_smlabb(word, pairs[low], sum);
    if (low >= 0)
        return edge_smlabt(word, pairs[low - 1], sum);
    if (high >= 0 && high < PAIRS)
        return edge_smlatb(word, pairs[high], sum);
    if (high >= 0)
        return edge_smlatt(word, pairs[high - 1], sum);
    return sum;
}

/* Adds a word of two columns of the planes to the sums of a block. */
static inline __attribute__((always_inline)) void add_column(
    uint32_t word, int32_t column, const uint32_t *pairs, int32_t *sums, int32_t count)
{
    EDGE_UNROLL(16)
    for (int32_t i = 0; i < count; i++)
        sums[i] = add_word(word, pairs, tap_at(column, i), tap_at(column + 1, i), sums[i]);
}

/* `count` neighbouring outputs of every row. words: where the first row's windows begin. */
static inline __attribute__((always_inline)) void make_block(
    const channel_constants *c, const uint32_t *words, int8_t *out, int32_t rows,
    const int32_t count)
{
    const int32_t reach = (count - 1) * EDGE_STRIDE_COLUMNS + COVERED_COLUMNS - 1;
    const int32_t last = (reach - EDGE_PAD_LEFT + EDGE_MARGIN) / 2;
    const int32_t end = last < EDGE_PITCH ? last + 1 : EDGE_PITCH;
    for (; rows > 0; rows--) {
        const uint32_t *row = words;
        int32_t sums[EDGE_BLOCK];
        const int32_t bias = tail_of(c).bias;
        EDGE_UNROLL(16)
        for (int32_t i = 0; i < count; i++)
            sums[i] = bias;
        EDGE_UNROLL(EDGE_UNROLLED_ROWS)
        for (int32_t k = 0; k < EDGE_KERNEL_ROWS; k++, row += EDGE_DILATION_ROWS * EDGE_PITCH) {
            uint32_t pairs[PAIRS], loaded[4];
            EDGE_UNROLL(16)
            for (int32_t i = 0; i < PAIRS; i++)
                pairs[i] = c->pairs[k][i];
            if (IS_WALKED)
                words = edge_load_row(words, loaded, EDGE_PITCH);
            EDGE_UNROLL(32)
            for (int32_t j = 0; j < end; j += LOADED) {
                EDGE_UNROLL(4)
                for (int32_t i = 0; i < LOADED && !IS_WALKED; i++)
                    loaded[i] = j + i < end ? row[j + i] : 0;
                EDGE_UNROLL(4)
                for (int32_t i = 0; i < LOADED; i++)
                    if (j + i < end)
                        add_column(loaded[i], 2 * (j + i), pairs, sums, count);
            }
        }
        const edge_tail tail = tail_of(c);
        EDGE_UNROLL(16)
        for (int32_t i = 0; i < count; i++)
            out[i * EDGE_OUT_COLUMN_STEP] =
                (int8_t)edge_finish(&tail, sums[i], EDGE_TAIL, EDGE_CLAMPS);
        words += (EDGE_STRIDE_ROWS - (IS_WALKED ? EDGE_KERNEL_ROWS : 0)) * EDGE_PITCH;
        out += EDGE_OUT_ROW_STEP;
    }
}

static EDGE_NOINLINE void make_whole_block(const channel_constants *c, const uint32_t *words,
                                           int8_t *out, int32_t rows)
{
    make_block(c, words, out, rows, EDGE_BLOCK);
}

static EDGE_NOINLINE EDGE_UNUSED void make_last_block(
    const channel_constants *c, const uint32_t *words, int8_t *out, int32_t rows)
{
    make_block(c, words, out, rows, REST > 0 ? REST : 1);
}

static void make_rows(const channel_constants *c, const uint32_t *plane, int8_t *out,
                      int32_t rows)
{
    for (int32_t left = EDGE_OUT_COLUMNS / EDGE_BLOCK; left > 0; left--) {
        make_whole_block(c, plane, out, rows);
        plane += EDGE_BLOCK * EDGE_STRIDE_COLUMNS / 2;
        out += EDGE_BLOCK * EDGE_OUT_COLUMN_STEP;
    }
    if (REST > 0)
        make_last_block(c, plane, out, rows);
}

static inline uint32_t halves(int32_t low, int32_t high)
{
    return edge_low_halves((uint32_t)low, (uint32_t)high);
}

#if !EDGE_IS_PREPARED
/* A channel's weight of one tap. */
static inline int32_t weight_of(const int8_t *weights, int32_t tap)
{
    if (EDGE_WEIGHT_BITS == 8)
        return weights[tap];
    const uint32_t two = (uint8_t)weights[tap / 2];
    return (int32_t)((two >> tap % 2 * 4 & 15u) ^ 8u) - 8;
}

static void prepare_channel(channel_constants *c, const depthwise_conv2d_dsp_s8_params *p,
                            const int8_t *weights, int32_t bias, int32_t multiplier, int32_t shift)
{
    const int32_t left = EDGE_TAIL == EDGE_TAIL_SHIFTED_WEIGHTS ? shift : 0;
    c->tail = edge_prepare_tail(edge_shift_left(bias, left), multiplier, shift, p->out_zero_point,
                                EDGE_TAIL);
    c->tail.low = p->out_min;
    c->tail.high = p->out_max;
    for (int32_t k = 0; k < EDGE_KERNEL_ROWS; k++) {
        EDGE_UNROLL(4)
        for (int32_t i = 0; i < PAIRS; i++) {
            const int32_t tap = k * EDGE_KERNEL_COLUMNS + i;
            const int32_t second = EDGE_KERNEL_COLUMNS > 1 ? weight_of(weights, tap + 1) : 0;
            c->pairs[k][i] = halves(edge_shift_left(weight_of(weights, tap), left),
                                    edge_shift_left(second, left));
        }
    }
}

#endif

/* One row of four channels. */
static inline __attribute__((always_inline)) void widen_words(uint32_t *to, const int8_t *in,
                                                              uint32_t offset)
{
    EDGE_UNROLL(WIDENED)
    for (int32_t left = EDGE_IN_COLUMNS / 2; left > 0; left--) {
        const uint32_t a = edge_load_word(in), b = edge_load_word(in + EDGE_IN_COLUMN_STEP);
        const uint32_t a_even = edge_sxtab16(offset, a), b_even = edge_sxtab16(offset, b);
        const uint32_t a_odd = edge_sxtab16_odd(offset, a), b_odd = edge_sxtab16_odd(offset, b);
        to[0] = edge_low_halves(a_even, b_even);
        to[PLANE] = edge_low_halves(a_odd, b_odd);
        to[2 * PLANE] = edge_high_halves(a_even, b_even);
        to[3 * PLANE] = edge_high_halves(a_odd, b_odd);
        to++;
        in += 2 * EDGE_IN_COLUMN_STEP;
    }
    if (EDGE_IN_COLUMNS % 2 != 0) {
        const uint32_t word = edge_load_word(in);
        const uint32_t even = edge_sxtab16(offset, word), odd = edge_sxtab16_odd(offset, word);
        to[0] = IS_WHOLE_ROW ? even : even & 0xffffu;
        to[PLANE] = IS_WHOLE_ROW ? odd : odd & 0xffffu;
        to[2 * PLANE] = even >> 16;
        to[3 * PLANE] = odd >> 16;
    }
}

/* The same of fewer channels. */
static void widen_bytes(uint32_t *to, const int8_t *in, int32_t zero_point, int32_t channels)
{
    for (; channels > 0; channels--, in++, to += PLANE) {
        const int8_t *from = in;
        uint32_t *word = to;
        for (int32_t left = EDGE_IN_COLUMNS / 2; left > 0; left--) {
            *word++ = halves(from[0] - zero_point, from[EDGE_IN_COLUMN_STEP] - zero_point);
            from += 2 * EDGE_IN_COLUMN_STEP;
        }
        if (EDGE_IN_COLUMNS % 2 != 0)
            *word = halves(*from - zero_point, 0);
    }
}

static EDGE_NOINLINE void blank_row(uint32_t *row, int32_t channels)
{
    if (EDGE_PITCH > 4) {
        edge_blank_planes(row, EDGE_PITCH, PLANE, channels);
        return;
    }
    for (; channels > 0; channels--, row += PLANE)
        for (int32_t j = 0; j < EDGE_PITCH; j++)
            row[j] = 0;
}

/* Rows [s->filled, rows) of the planes. */
static EDGE_NOINLINE void fill_planes(strip *s, int32_t rows)
{
    const int32_t channels = s->channels, zero_point = s->p->in_zero_point;
    const uint32_t offset = halves(-zero_point, -zero_point);
    int32_t y = s->top + s->filled;
    uint32_t *to = s->planes + s->filled * EDGE_PITCH;
    const int32_t end = s->top + rows;
    const int32_t last = end < s->p->in_rows ? end : s->p->in_rows;
    for (; y < 0 && y < end; y++, to += EDGE_PITCH)
        blank_row(to, channels);
    const int8_t *in = s->in + y * EDGE_IN_ROW_STEP;
    for (; y < last; y++, to += EDGE_PITCH, in += EDGE_IN_ROW_STEP) {
        if (EDGE_CHANNELS % GROUP == 0 || channels == GROUP)
            widen_words(to + EDGE_MARGIN / 2, in, offset);
        else
            widen_bytes(to + EDGE_MARGIN / 2, in, zero_point, channels);
    }
    for (; y < end; y++, to += EDGE_PITCH)
        blank_row(to, channels);
    s->filled = rows;
}

/* Makes row `rows` of the planes their first one. */
static void drop_rows(strip *s, int32_t rows)
{
    const int32_t kept = s->filled > rows ? s->filled - rows : 0;
    edge_move_planes(s->planes, rows * EDGE_PITCH, kept * EDGE_PITCH, PLANE, s->channels);
    s->filled = kept;
    s->top += rows;
}

static int is_valid(const depthwise_conv2d_dsp_s8_params *p)
{
    return p->in_rows > 0 && p->out_rows > 0 && p->pad_top >= 0 && p->strip_rows > 0 &&
           (p->strip_rows - 1) * EDGE_STRIDE_ROWS + COVERED_ROWS <= EDGE_PLANE_ROWS &&
           edge_is_s8(p->in_zero_point) && edge_is_s8(p->out_zero_point) &&
           edge_is_s8(p->out_min) && edge_is_s8(p->out_max) && p->out_min <= p->out_max;
}

/* Where channels' constants come from. */
typedef struct {
#if EDGE_IS_PREPARED
    const channel_constants *prepared;
#else
    const int8_t *weights;
    const int32_t *bias, *multipliers;
    const int8_t *shifts;
    channel_constants *made; /* of one channel, in scratch */
#endif
} channel_source;

static inline const channel_constants *constants_of(const channel_source *from,
                                                    const depthwise_conv2d_dsp_s8_params *p,
                                                    int32_t channel)
{
#if EDGE_IS_PREPARED
    (void)p;
    return from->prepared + channel;
#else
    prepare_channel(from->made, p, from->weights + channel * WEIGHT_BYTES, from->bias[channel],
                    from->multipliers[channel], from->shifts[channel]);
    return from->made;
#endif
}

static inline void make_channels(const depthwise_conv2d_dsp_s8_params *p,
                                 const channel_source *from, const int8_t *in, int8_t *out,
                                 uint32_t *planes)
{
    if (!IS_WHOLE_ROW)
        edge_blank_planes(planes, PLANE, PLANE, EDGE_CHANNELS < GROUP ? EDGE_CHANNELS : GROUP);
    for (int32_t first = 0; first < EDGE_CHANNELS; first += GROUP) {
        const int32_t left = EDGE_CHANNELS - first;
        strip s = {p, in + first, planes, left < GROUP ? left : GROUP, -p->pad_top, 0};
        for (int32_t y = 0; y < p->out_rows; y += p->strip_rows) {
            const int32_t below = p->out_rows - y;
            const int32_t rows = below < p->strip_rows ? below : p->strip_rows;
            fill_planes(&s, (rows - 1) * EDGE_STRIDE_ROWS + COVERED_ROWS);
            for (int32_t i = 0; i < s.channels * EDGE_MULTIPLIER; i++) {
                const int32_t channel = first * EDGE_MULTIPLIER + i;
                make_rows(constants_of(from, p, channel), planes + i / EDGE_MULTIPLIER * PLANE,
                          out + y * EDGE_OUT_ROW_STEP + channel, rows);
            }
            if (below > rows)
                drop_rows(&s, rows * EDGE_STRIDE_ROWS);
        }
    }
}

#if EDGE_IS_PREPARED
int EDGE_FUNCTION(const depthwise_conv2d_dsp_s8_params *p, const int8_t *in,
                  const uint32_t *constants, int8_t *out, void *scratch)
{
    if (!p || !in || !constants || !out || !scratch || !is_valid(p))
        return EDGE_BAD_ARG;
    const channel_source from = {(const channel_constants *)constants};
    make_channels(p, &from, in, out, scratch);
    return EDGE_OK;
}
#else
int EDGE_FUNCTION(const depthwise_conv2d_dsp_s8_params *p, const int8_t *in,
                  const int8_t *weights, const int32_t *bias, const int32_t *multipliers,
                  const int8_t *shifts, int8_t *out, void *scratch)
{
    if (!p || !in || !weights || !bias || !multipliers || !shifts || !out || !scratch ||
        !is_valid(p))
        return EDGE_BAD_ARG;
    channel_constants *const made = scratch;
    const channel_source from = {weights, bias, multipliers, shifts, made};
    make_channels(p, &from, in, out, (uint32_t *)(made + 1));
    return EDGE_OK;
}
#endif
