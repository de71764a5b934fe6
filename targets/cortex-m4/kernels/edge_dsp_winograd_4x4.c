#include "edge_dsp_winograd_4x4.h"

/* Transform of inputs. Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks"
 * (2015), 4.2. Two channels are one integer, 65536 * second + first, of bytes made unsigned by
 * adding 128: sums and differences of such integers act on both channels, whatever is borrowed, and
 * a last offset of 0x3800 leaves both in 0..32767. */

/* d0..d5 in r0-r5; r6, r7 free. The six combinations, d0 in r0 as "t0" and so on:
 * a = d4 - 4 d2, b = d3 - 4 d1: t1 = a + b, t2 = a - b;   c = d4 - d2, f = d3 - d1: t3 = c + 2 f,
 * t4 = c - 2 f;   t0 = c + 4 (d0 - d2);   t5 = d5 - d3 - 4 f. */
#define COMBINE(offset_a, offset_c, offset_5) \
    "sub r6, r4, r2, lsl #2\n" offset_a \
    "sub r7, r3, r1, lsl #2\n" \
    "sub r5, r5, r3\n" offset_5 \
    "sub r0, r0, r2\n" \
    "sub r4, r4, r2\n" offset_c \
    "sub r3, r3, r1\n" \
    "add r0, r4, r0, lsl #2\n" \
    "add r1, r6, r7\n" \
    "sub r2, r6, r7\n" \
    "sub r5, r5, r3, lsl #2\n" \
    "add r6, r4, r3, lsl #1\n" \
    "sub r4, r4, r3, lsl #1\n"
/* t0 t1 t2 in r0-r2, t3 in r6, t4 t5 in r4, r5. */

/* A column of 6 pixels, two of their channels; its combinations go to column "j" of the frame.
 * r8 = first pixel, r9 = row, lr = to the next pixel, r12 = 0x00800080. */
#define COLUMN(j, rotated) \
    "add r7, r8, r9\n" \
    "ldr r0, [r8]\n ldr r1, [r7]\n ldr r2, [r8, r9, lsl #1]\n" \
    "ldr r3, [r7, r9, lsl #1]\n ldr r4, [r8, r9, lsl #2]\n ldr r5, [r7, r9, lsl #2]\n" \
    "add r8, r8, lr\n" \
    "sxtab16 r0, r12, r0" rotated "\n sxtab16 r1, r12, r1" rotated "\n" \
    "sxtab16 r2, r12, r2" rotated "\n sxtab16 r3, r12, r3" rotated "\n" \
    "sxtab16 r4, r12, r4" rotated "\n sxtab16 r5, r12, r5" rotated "\n" \
    COMBINE("", "", "") \
    "str r0, [sp, #" j "]\n str r1, [sp, #24 + " j "]\n str r2, [sp, #48 + " j "]\n" \
    "str r6, [sp, #72 + " j "]\n str r4, [sp, #96 + " j "]\n str r5, [sp, #120 + " j "]\n"

#define COLUMNS(rotated) \
    "ldr r8, [sp, #144]\n" \
    "ldrd r9, lr, [sp, #152]\n" \
    COLUMN("0", rotated) COLUMN("4", rotated) COLUMN("8", rotated) \
    COLUMN("12", rotated) COLUMN("16", rotated) COLUMN("20", rotated)

/* A row of the frame to 6 positions. r8 = first position, r9 = from one to the next,
 * r10 = frame, r11 = 0x38003800. */
#define ROW \
    "ldm r10!, {r0-r5}\n" \
    COMBINE("add r6, r6, r11\n", "add r4, r4, r11\n", "add r5, r5, r11\n") \
    "add r7, r8, r9\n" \
    "str r0, [r8]\n str r1, [r7]\n str r2, [r8, r9, lsl #1]\n" \
    "str r6, [r7, r9, lsl #1]\n str r4, [r8, r9, lsl #2]\n str r5, [r7, r9, lsl #2]\n" \
    "add r8, r8, lr\n"

EDGE_NAKED void edge_winograd_input_4x4(const int8_t *in EDGE_UNUSED,
                                        uint32_t *values EDGE_UNUSED,
                                        int32_t groups EDGE_UNUSED, int32_t row EDGE_UNUSED,
                                        int32_t pixel EDGE_UNUSED)
{
    __asm__ volatile(
        "push {r4-r11, lr}\n"
        "ldr r4, [sp, #36]\n"
        "sub sp, sp, #172\n"
        "mov.w r12, #0x00800080\n"
        "mov.w r11, #0x38003800\n"
        "movs r5, #24\n"
        "mul r5, r5, r2\n"                        /* bytes from one position to the next */
        "add r2, r0, r2, lsl #2\n"                /* end of the first pixel's channels */
        "strd r0, r1, [sp, #144]\n"               /* in, values */
        "strd r3, r4, [sp, #152]\n"               /* row, pixel */
        "strd r2, r5, [sp, #160]\n"
        "1:\n" COLUMNS("")
        "adr.w r4, 2f\n"
        "b.w 4f\n"
        ".p2align 2\n"
        "2:\n" COLUMNS(", ror #8")
        "adr.w r4, 3f\n"
        "4: ldr r8, [sp, #148]\n"
        "ldr r9, [sp, #164]\n"
        "orr r4, r4, #1\n" /* Thumb state */
        "str r4, [sp, #168]\n"
        "add r4, r8, #12\n"
        "str r4, [sp, #148]\n"
        "add lr, r9, r9, lsl #1\n"
        "lsl lr, lr, #1\n" /* six positions */
        "mov r10, sp\n"
        ROW ROW ROW ROW ROW ROW
        "ldr pc, [sp, #168]\n"
        ".p2align 2\n"
        "3: ldr r8, [sp, #144]\n"
        "ldr r9, [sp, #160]\n"
        "adds r8, r8, #4\n"
        "str r8, [sp, #144]\n"
        "cmp r8, r9\n"
        "bne.w 1b\n"
        "add sp, sp, #172\n"
        "pop {r4-r11, pc}\n");
}

/* Transform of sums. m0..m5 in r0-r5 to y0..y3 in r0-r3; r6, r7, r10, r11 free:
 * y0 = m0 + p + u, y1 = q + 2 v, y2 = p + 4 u, y3 = q + 8 v + 2 m5 with p, q = m1 +- m2,
 * u, v = m3 +- m4. */
#define COMBINE_SUMS \
    "add r6, r1, r2\n sub r7, r1, r2\n add r10, r3, r4\n sub r11, r3, r4\n" \
    "add r0, r0, r6\n add r0, r0, r10\n" \
    "add r1, r7, r11, lsl #1\n" \
    "add r2, r6, r10, lsl #2\n" \
    "add r3, r7, r11, lsl #3\n add r3, r3, r5, lsl #1\n"

/* Sums of column "j"; r8 = sums. */
#define SUM_COLUMN(j) \
    "ldr r0, [r8, #24 * " j "]\n ldr r1, [r8, #144 + 24 * " j "]\n" \
    "ldr r2, [r8, #288 + 24 * " j "]\n ldr r3, [r8, #432 + 24 * " j "]\n" \
    "ldr r4, [r8, #576 + 24 * " j "]\n ldr r5, [r8, #720 + 24 * " j "]\n" \
    COMBINE_SUMS \
    "str r0, [sp, #4 * " j "]\n str r1, [sp, #24 + 4 * " j "]\n" \
    "str r2, [sp, #48 + 4 * " j "]\n str r3, [sp, #72 + 4 * " j "]\n"

/* r4-r7 = factor, bias, multiplier, addend. */
#define SCALE(sum) \
    "mla " sum ", " sum ", r4, r5\n" \
    "smmla " sum ", " sum ", r6, r7\n ssat " sum ", #8, " sum ", asr #16\n"

/* Less the nudge in r11 for sums below zero, which round the other way. */
#define SCALE_LINEAR(sum) \
    "mla " sum ", " sum ", r4, r5\n" \
    "and r10, r11, " sum ", asr #31\n sub r10, r7, r10\n" \
    "smmla " sum ", " sum ", r6, r10\n ssat " sum ", #8, " sum ", asr #16\n"

/* 4 outputs of a row; r8 = scale, r9 = frame, r12 = out, lr = pixel. */
#define SUM_ROW(scale) \
    "ldm r9!, {r0-r5}\n" \
    COMBINE_SUMS \
    "ldm r8, {r4-r7, r11}\n" \
    scale("r0") scale("r1") scale("r2") scale("r3") \
    "add r10, r12, lr\n" \
    "strb r0, [r12]\n strb r1, [r12, lr]\n strb r2, [r12, lr, lsl #1]\n" \
    "strb r3, [r10, lr, lsl #1]\n" \
    "ldr r11, [sp, #96]\n" \
    "add r12, r12, r11\n"

EDGE_NAKED void edge_winograd_output_4x4(const int32_t *sums EDGE_UNUSED,
                                         const edge_winograd_scale *scales EDGE_UNUSED,
                                         int8_t *out EDGE_UNUSED, int32_t row EDGE_UNUSED,
                                         int32_t pixel EDGE_UNUSED)
{
    __asm__ volatile(
        "push {r4-r11, lr}\n"
        "ldr lr, [sp, #36]\n"
        "sub sp, sp, #116\n"
        "mov r8, r0\n"
        "mov r12, r2\n"
        "str r3, [sp, #96]\n"
        "add r3, r1, #20\n"
        "strd r1, r3, [sp, #104]\n" /* scale, that of the last channel */
        "1: str r12, [sp, #100]\n"
        SUM_COLUMN("0") SUM_COLUMN("1") SUM_COLUMN("2")
        SUM_COLUMN("3") SUM_COLUMN("4") SUM_COLUMN("5")
        "str r8, [sp, #112]\n"
        "ldr r8, [sp, #104]\n"
        "mov r9, sp\n"
        "ldr r0, [r8, #16]\n"
        "cmp r0, #0\n"
        "bne.w 2f\n"
        SUM_ROW(SCALE) SUM_ROW(SCALE) SUM_ROW(SCALE) SUM_ROW(SCALE)
        "3: ldrd r12, r0, [sp, #100]\n"
        "ldrd r1, r8, [sp, #108]\n"
        "cmp r0, r1\n"
        "str r1, [sp, #104]\n"
        "add r12, r12, #1\n"
        "add r8, r8, #12\n"
        "bne.w 1b\n"
        "add sp, sp, #116\n"
        "pop {r4-r11, pc}\n"
        "2:\n"
        SUM_ROW(SCALE_LINEAR) SUM_ROW(SCALE_LINEAR) SUM_ROW(SCALE_LINEAR) SUM_ROW(SCALE_LINEAR)
        "b.w 3b\n");
}
