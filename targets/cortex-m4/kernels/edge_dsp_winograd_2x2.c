#include "edge_dsp_winograd_2x2.h"

/* Transforms. Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015),
 * 4.1; weights with G times 2. Two channels are the halves of a word. */

/* d0..d3 in r0-r3 to d0 - d2, d1 + d2, d2 - d1, d1 - d3 in r4-r7. */
#define COMBINE \
    "ssub16 r4, r0, r2\n sadd16 r5, r1, r2\n ssub16 r6, r2, r1\n ssub16 r7, r1, r3\n"

/* A column of 4 pixels, two of their channels; its combinations go to column "j" of the frame.
 * r8 = first pixel, r9 = row, lr = to the next pixel. */
#define COLUMN(j, rotated) \
    "add r7, r8, r9\n" \
    "ldr r0, [r8]\n ldr r1, [r7]\n ldr r2, [r8, r9, lsl #1]\n ldr r3, [r7, r9, lsl #1]\n" \
    "add r8, r8, lr\n" \
    "sxtb16 r0, r0" rotated "\n sxtb16 r1, r1" rotated "\n" \
    "sxtb16 r2, r2" rotated "\n sxtb16 r3, r3" rotated "\n" \
    COMBINE \
    "str r4, [sp, #" j "]\n str r5, [sp, #16 + " j "]\n" \
    "str r6, [sp, #32 + " j "]\n str r7, [sp, #48 + " j "]\n"

/* A row of the frame to 4 positions. r8 = first position, r9 = from one to the next,
 * r10 = frame. */
#define ROW \
    "ldm r10!, {r0-r3}\n" \
    COMBINE \
    "add r11, r8, r9\n" \
    "str r4, [r8]\n str r5, [r11]\n str r6, [r8, r9, lsl #1]\n str r7, [r11, r9, lsl #1]\n" \
    "add r8, r8, r9, lsl #2\n"

/* r12 = values; the next half's lie 12 bytes on. */
#define HALF(rotated) \
    "ldr r8, [sp, #64]\n" \
    "ldr r9, [sp, #68]\n" \
    COLUMN("0", rotated) COLUMN("4", rotated) COLUMN("8", rotated) COLUMN("12", rotated) \
    "mov r8, r12\n" \
    "ldr r9, [sp, #72]\n" \
    "mov r10, sp\n" \
    ROW ROW ROW ROW \
    "add r12, r12, #12\n"

EDGE_NAKED void edge_winograd_input_2x2(const int8_t *in EDGE_UNUSED,
                                        uint32_t *values EDGE_UNUSED,
                                        int32_t groups EDGE_UNUSED, int32_t row EDGE_UNUSED,
                                        int32_t pixel EDGE_UNUSED)
{
    __asm__ volatile(
        "push {r4-r11, lr}\n"
        "ldr lr, [sp, #36]\n"
        "sub sp, sp, #84\n"
        "mov r12, r1\n"
        "movs r5, #24\n"
        "mul r5, r5, r2\n"          /* bytes from one position to the next */
        "add r2, r0, r2, lsl #2\n"  /* end of the first pixel's channels */
        "strd r0, r3, [sp, #64]\n"  /* in, row */
        "strd r5, r2, [sp, #72]\n"
        "1:\n"
        HALF("")
        HALF(", ror #8")
        "ldr r8, [sp, #64]\n"
        "ldr r9, [sp, #76]\n"
        "adds r8, r8, #4\n"
        "str r8, [sp, #64]\n"
        "cmp r8, r9\n"
        "bne.w 1b\n"
        "add sp, sp, #84\n"
        "pop {r4-r11, pc}\n");
}

/* Sums of column "j" to m0 + m1 + m2 and m1 - m2 - m3. r8 = sums. */
#define SUM_COLUMN(j, above, below) \
    "ldr " above ", [r8, #24 * " j "]\n ldr " below ", [r8, #96 + 24 * " j "]\n" \
    "ldr r9, [r8, #192 + 24 * " j "]\n ldr r10, [r8, #288 + 24 * " j "]\n" \
    "add " above ", " above ", " below "\n add " above ", " above ", r9\n" \
    "sub " below ", " below ", r9\n sub " below ", " below ", r10\n"

/* The same along a row, in place: a and b. */
#define SUM_ROW(a, b, c, d) \
    "add " a ", " a ", " b "\n add " a ", " a ", " c "\n" \
    "sub " b ", " b ", " c "\n sub " b ", " b ", " d "\n"

/* r4-r7 = factor, bias, multiplier, addend; r9 = nudge. */
#define SCALE(sum) \
    "mla " sum ", " sum ", r4, r5\n" \
    "smmla " sum ", " sum ", r6, r7\n ssat " sum ", #8, " sum ", asr #16\n"

/* Less the nudge for sums below zero, which round the other way. */
#define SCALE_LINEAR(sum) \
    "mla " sum ", " sum ", r4, r5\n" \
    "and r10, r9, " sum ", asr #31\n sub r10, r7, r10\n" \
    "smmla " sum ", " sum ", r6, r10\n ssat " sum ", #8, " sum ", asr #16\n"

/* Frame: row, scale, that of the last channel. */
EDGE_NAKED void edge_winograd_output_2x2(const int32_t *sums EDGE_UNUSED,
                                         const edge_winograd_scale *scales EDGE_UNUSED,
                                         int8_t *out EDGE_UNUSED, int32_t row EDGE_UNUSED,
                                         int32_t pixel EDGE_UNUSED)
{
    __asm__ volatile(
        "push {r4-r11, lr}\n"
        "ldr lr, [sp, #36]\n"
        "sub sp, sp, #12\n"
        "mov r8, r0\n"
        "mov r12, r2\n"
        "add r4, r1, #20\n"
        "strd r1, r4, [sp]\n"
        "str r3, [sp, #8]\n"
        "1:\n"
        SUM_COLUMN("0", "r0", "r1") SUM_COLUMN("1", "r2", "r3")
        SUM_COLUMN("2", "r4", "r5") SUM_COLUMN("3", "r6", "r7")
        SUM_ROW("r0", "r2", "r4", "r6")
        SUM_ROW("r1", "r3", "r5", "r7")
        "ldr r11, [sp]\n"
        "ldm r11!, {r4-r7, r9}\n"
        "cmp r9, #0\n"
        "bne 2f\n"
        SCALE("r0") SCALE("r1") SCALE("r2") SCALE("r3")
        "3: ldrd r5, r6, [sp, #4]\n"
        "strb r0, [r12]\n strb r2, [r12, lr]\n"
        "add r7, r12, lr\n"
        "strb r1, [r12, r6]\n strb r3, [r7, r6]\n"
        "add r12, r12, #1\n"
        "add r8, r8, #12\n"
        "str r11, [sp]\n"
        "cmp r11, r5\n"
        "bls.w 1b\n"
        "add sp, sp, #12\n"
        "pop {r4-r11, pc}\n"
        "2:\n"
        SCALE_LINEAR("r0") SCALE_LINEAR("r1") SCALE_LINEAR("r2") SCALE_LINEAR("r3")
        "b 3b\n");
}

static inline uint32_t add_halves(uint32_t x, uint32_t y)
{
    uint32_t result;
    __asm__("sadd16 %0, %1, %2" : "=r"(result) : "r"(x), "r"(y));
    return result;
}

static inline uint32_t subtract_halves(uint32_t x, uint32_t y)
{
    uint32_t result;
    __asm__("ssub16 %0, %1, %2" : "=r"(result) : "r"(x), "r"(y));
    return result;
}

/* 2 g0, g0 + g1 + g2, g0 - g1 + g2, 2 g2; step words apart. */
static inline void combine_weights(uint32_t g0, uint32_t g1, uint32_t g2, uint32_t *to,
                                   int32_t step)
{
    const uint32_t ends = add_halves(g0, g2);
    to[0] = add_halves(g0, g0);
    to[step] = add_halves(ends, g1);
    to[2 * step] = subtract_halves(ends, g1);
    to[3 * step] = add_halves(g2, g2);
}

/* 9 words of two input channels to 16 positions, step words apart. */
static void transform_weights(const uint32_t *g, uint32_t *to, int32_t step)
{
    uint32_t rows[4][3];
    for (int32_t x = 0; x < 3; x++)
        combine_weights(g[x], g[3 + x], g[6 + x], &rows[0][x], 3);
    for (int32_t y = 0; y < 4; y++)
        combine_weights(rows[y][0], rows[y][1], rows[y][2], to + 4 * y * step, step);
}

void edge_winograd_weights_2x2(const int8_t *weights, uint32_t *transformed, int32_t in_channels,
                               int32_t out_channels)
{
    const int32_t step = 2 + in_channels;
    for (int32_t channel = 0; channel < out_channels; channel++, weights += 9 * in_channels) {
        uint32_t *to = transformed + (channel >> 1) * 16 * step + (channel & 1);
        for (int32_t position = 0; position < 16; position++)
            to[position * step] = 0;
        for (int32_t from = 0; from < in_channels; from += 4) {
            uint32_t even[9], odd[9];
            for (int32_t tap = 0; tap < 9; tap++) {
                const uint32_t word = edge_load_word(weights + (tap * in_channels + from));
                even[tap] = edge_sxtb16(word);
                odd[tap] = edge_sxtb16_odd(word);
            }
            transform_weights(even, to + 2 + from, step);
            transform_weights(odd, to + 4 + from, step);
        }
    }
}
