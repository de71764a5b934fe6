#include "depthwise_conv2d_mve_s8.h"

#include "edge_mve_depthwise.h"
#include "edge_mve_scale.h"

#define SCATTERED 8 /* channels at once */

/* The rows that windows of one output row read, each channel in a plane of its own: tap (y, x) of
 * the first windows' row lies at moved + x * kernel_height + y. A window is one stretch of bytes,
 * and the next row's windows begin stride_height bytes behind it; what they do not share is then
 * overwritten. Planes are moved back when their room ends. */
typedef struct {
    const depthwise_conv2d_mve_s8_params *p;
    const int8_t *in;
    int8_t *planes;
    int32_t columns;
    int32_t kept; /* rows that a row of windows leaves for the next */
    int32_t room; /* of moved */
    int32_t moved;
} store;

/* A row of the planes: columns of zero points, of the image, of zero points. */
typedef struct {
    const int8_t *from;
    int8_t *to;
    int32_t left, inside, right;
} line;

/* Scatters 8 channels of each column, or those that are left. */
static inline void put_octet(const store *s, const line *l, int32_t octet, int32_t channels)
{
    const uint16x8_t planes = vmulq_n_u16(vidupq_n_u16(0, 1), (uint16_t)s->p->pitch);
    const int16x8_t zero_points = vdupq_n_s16((int16_t)s->p->in_zero_point);
    const int8_t *from = l->from + octet;
    int8_t *to = l->to + octet * s->p->pitch;
    __asm__ volatile(
        "vctp.16 %[left_over]\n"
        "wls lr, %[left], 2f\n"
        "1: vpst\n"
        "vstrbt.16 %q[zero_points], [%[to], %q[planes]]\n"
        "add %[to], %[to], %[to_step]\n"
        "le lr, 1b\n"
        "2: wls lr, %[inside], 4f\n"
        "3: vpstt\n"
        "vldrbt.u16 q0, [%[from]]\n"
        "vstrbt.16 q0, [%[to], %q[planes]]\n"
        "add %[from], %[from], %[from_step]\n"
        "add %[to], %[to], %[to_step]\n"
        "le lr, 3b\n"
        "4: wls lr, %[right], 6f\n"
        "5: vpst\n"
        "vstrbt.16 %q[zero_points], [%[to], %q[planes]]\n"
        "add %[to], %[to], %[to_step]\n"
        "le lr, 5b\n"
        "6:\n"
        : [from] "+l"(from), [to] "+l"(to)
        : [planes] "w"(planes), [zero_points] "w"(zero_points), [left_over] "r"(channels - octet),
          [left] "r"(l->left), [inside] "r"(l->inside), [right] "r"(l->right),
          [from_step] "r"(channels), [to_step] "r"(s->p->kernel_height)
        : "q0", "lr", "memory");
}

/* Puts row y of the image, zero points around it, at row tap of the windows. */
EDGE_OPAQUE static void put_row(const store *s, int32_t y, int32_t tap)
{
    const depthwise_conv2d_mve_s8_params *p = s->p;
    const int32_t channels = p->in_channels;
    line l = {s->in, s->planes + s->moved + tap, s->columns, 0, 0};
    if (y >= 0 && y < p->in_height) {
        l.from += y * p->in_width * channels;
        l.left = edge_clamp(p->pad_left, 0, s->columns);
        l.inside = edge_clamp(p->in_width, 0, s->columns - l.left);
        l.right = s->columns - l.left - l.inside;
    }
    for (int32_t octet = 0; octet < channels; octet += SCATTERED)
        put_octet(s, &l, octet, channels);
}

/* On to the next row of windows. */
static void move_on(store *s)
{
    const depthwise_conv2d_mve_s8_params *p = s->p;
    const int32_t next = s->moved + p->stride_height;
    s->moved = s->kept > 0 ? next : 0;
    if (s->moved <= s->room)
        return;
    const int32_t bytes = p->kernel_height * s->columns - p->stride_height;
    for (int32_t channel = 0; channel < p->in_channels; channel++) {
        int8_t *const plane = s->planes + channel * p->pitch;
        edge_copy(plane, plane + next, bytes);
    }
    s->moved = 0;
}

static int32_t add_products(const int8_t *window, const int8_t *weights, int32_t taps)
{
    int32_t sum = 0;
    for (; taps > 0; taps -= EDGE_VECTOR, window += EDGE_VECTOR, weights += EDGE_VECTOR) {
        const mve_pred16_t lanes = vctp8q((uint32_t)taps);
        sum = vmladavaq_s8(sum, vldrbq_s8(window), vldrbq_z_s8(weights, lanes));
    }
    return sum;
}

/* A quad of any kernel and shifts. */
static void convolve_any(const edge_depthwise_row *row)
{
    const int32_t taps = row->taps;
    const int32_t *const scales = (const int32_t *)(const void *)(row->stream + EDGE_LANES * taps);
    int8_t *out = row->out;
    for (int32_t pixel = 0; pixel < row->pixels; pixel++, out += row->out_step) {
        int32_t sums[EDGE_LANES];
        for (int32_t j = 0; j < EDGE_LANES; j++)
            sums[j] = add_products(row->windows[j] + pixel * row->step, row->stream + j * taps,
                                   taps);
        int32x4_t sum = vaddq_s32(vldrwq_s32(sums), vldrwq_s32(scales));
        sum = edge_scale(sum, vldrwq_s32(scales + 4), vldrwq_s32(scales + 8), row->tail);
        sum = edge_finish(sum, row->out_zero_point, row->low, row->high);
        vstrbq_p_s32(out, sum, vctp32q((uint32_t)row->channels));
    }
}

/* Some output channels, the first ones of which lie in planes that follow each other. */
static void convolve_channels(const store *s, edge_depthwise_row *row, int32_t first)
{
    const depthwise_conv2d_mve_s8_params *p = s->p;
    for (int32_t j = 0; j < EDGE_LANES; j++) {
        const int32_t channel = (first + j) / p->multiplier;
        const int32_t plane = channel < p->in_channels ? channel : p->in_channels - 1;
        row->windows[j] = s->planes + plane * p->pitch + s->moved;
    }
    if (row->taps <= EDGE_DEPTHWISE_TAPS && row->tail != EDGE_TAIL_ANY)
        edge_convolve_row(row);
    else
        convolve_any(row);
}

/* How many output channels from first on are taken at once: a quad, or all whole quads. */
static int32_t count_channels(const depthwise_conv2d_mve_s8_params *p, int32_t first)
{
    const int32_t left = p->in_channels * p->multiplier - first;
    const int32_t is_quick = p->multiplier == 1 && p->tail != EDGE_TAIL_ANY &&
                             p->kernel_height * p->kernel_width <= EDGE_DEPTHWISE_TAPS;
    if (left <= EDGE_LANES)
        return left;
    return is_quick ? left - left % EDGE_LANES : EDGE_LANES;
}

static void convolve_row(const store *s, const int8_t *weights, int8_t *out)
{
    const depthwise_conv2d_mve_s8_params *p = s->p;
    const int32_t taps = p->kernel_height * p->kernel_width;
    const int32_t channels = p->in_channels * p->multiplier;
    edge_depthwise_row row = {{0, 0, 0, 0}, out, weights, p->out_zero_point,
                              p->stride_width * p->kernel_height, channels, taps, p->out_width,
                              0, EDGE_LANES * p->pitch, p->tail, p->out_min, p->out_max};
    for (int32_t first = 0; first < channels; first += row.channels) {
        row.out = out + first;
        row.stream = weights + first / EDGE_LANES * (EDGE_LANES * taps + EDGE_SCALE_BYTES);
        row.channels = count_channels(p, first);
        convolve_channels(s, &row, first);
    }
}

static int is_valid(const depthwise_conv2d_mve_s8_params *p)
{
    return p->in_height > 0 && p->in_width > 0 && p->in_channels > 0 && p->multiplier > 0 &&
           p->out_height > 0 && p->out_width > 0 && p->kernel_height > 0 &&
           p->kernel_width > 0 && p->stride_height > 0 && p->stride_width > 0 &&
           p->dilation_height > 0 && p->pad_top >= 0 && p->pad_left >= 0 &&
           edge_is_s8(p->in_zero_point) && edge_is_s8(p->out_zero_point) &&
           edge_is_s8(p->out_min) && edge_is_s8(p->out_max) && p->out_min <= p->out_max &&
           p->pitch < 8192;
}

int depthwise_conv2d_mve_s8(const depthwise_conv2d_mve_s8_params *p, const int8_t *in,
                            const uint32_t *weights, int8_t *out, void *scratch)
{
    if (!p || !in || !weights || !out || !scratch || !is_valid(p))
        return EDGE_BAD_ARG;
    store s = {p, in, scratch, (p->out_width - 1) * p->stride_width + p->kernel_width, 0, 0, 0};
    s.kept = p->dilation_height == 1 ? p->kernel_height - p->stride_height : 0;
    s.room = p->pitch - p->kernel_height * s.columns;
    if (s.room < 0)
        return EDGE_BAD_ARG;
    for (int32_t out_y = 0; out_y < p->out_height; out_y++) {
        const int32_t y = out_y * p->stride_height - p->pad_top;
        const int32_t first = out_y > 0 && s.kept > 0 ? s.kept : 0;
        for (int32_t tap = first; tap < p->kernel_height; tap++)
            put_row(&s, y + tap * p->dilation_height, tap);
        convolve_row(&s, (const int8_t *)weights, out);
        move_on(&s);
        out += p->out_width * p->in_channels * p->multiplier;
    }
    return EDGE_OK;
}
