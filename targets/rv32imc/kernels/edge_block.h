/* Sums of six pixels by four channels, in words of edge_triple.h, for RV32IM: the sixteen words of
 * sums, a tap's four and a weight stay in registers, which compilers do not manage.
 * 40 instructions a tap, which is 24 products. */
#ifndef EDGE_BLOCK_H
#define EDGE_BLOCK_H

#include "edge_triple.h"

#define EDGE_BLOCK_UNROLLED 4 /* taps; those of a segment are a multiple of it */
#define EDGE_BLOCK_OFFSETS 0  /* words a segment that edge_begin_segment fills */

/* offsets: of the segment with the taps x .. end - 1. */
static inline void edge_begin_segment(const uint32_t *x, const uint32_t *end, uint32_t *offsets)
{
    (void)x;
    (void)end;
    (void)offsets;
}

/* bias [4] plus the products of the taps x .. end - 1 [4] with four channels side by side:
 * sums [4][4], of each channel two words for three pixels and two for the other three. */
#if defined(__riscv_mul) && __riscv_xlen == 32
#define EDGE_CHANNEL(offset, p, q, r, s) \
    "lb a3, " #offset "(a2)\n\t" \
    "mul t0, a5, a3\n\t" \
    "mul t1, a6, a3\n\t" \
    "add " #p ", " #p ", t0\n\t" \
    "add " #q ", " #q ", t1\n\t" \
    "mul t0, a7, a3\n\t" \
    "mul t1, t2, a3\n\t" \
    "add " #r ", " #r ", t0\n\t" \
    "add " #s ", " #s ", t1\n\t"
#define EDGE_TAP(x0, x1, x2, x3, w0, w1, w2, w3) \
    "lw a5, " #x0 "(a0)\n\t" \
    "lw a6, " #x1 "(a0)\n\t" \
    "lw a7, " #x2 "(a0)\n\t" \
    "lw t2, " #x3 "(a0)\n\t" \
    EDGE_CHANNEL(w0, s0, s1, s2, s3) \
    EDGE_CHANNEL(w1, s4, s5, s6, s7) \
    EDGE_CHANNEL(w2, s8, s9, s10, s11) \
    EDGE_CHANNEL(w3, t3, t4, t5, t6)
#define EDGE_START(offset, p, q, r, s) \
    "lw t0, " #offset "(a3)\n\t" \
    "slli " #p ", t0, 21\n\t" \
    "slli " #q ", t0, 10\n\t" \
    "add " #p ", " #p ", t0\n\t" \
    "add " #q ", " #q ", t0\n\t" \
    "mv " #r ", " #p "\n\t" \
    "mv " #s ", " #q "\n\t"
#define EDGE_STORE(offset, register) "sw " #register ", " #offset "(a4)\n\t"
#define EDGE_SAVE(offset, register) "sw " #register ", " #offset "(sp)\n\t"
#define EDGE_RESTORE(offset, register) "lw " #register ", " #offset "(sp)\n\t"
#define EDGE_SAVED(each) \
    each(0, s0) each(4, s1) each(8, s2) each(12, s3) each(16, s4) each(20, s5) each(24, s6) \
    each(28, s7) each(32, s8) each(36, s9) each(40, s10) each(44, s11)

__attribute__((naked, noinline)) static void edge_sum_block(
    __attribute__((unused)) const uint32_t *x, __attribute__((unused)) const uint32_t *end,
    __attribute__((unused)) const int8_t *w, __attribute__((unused)) const int32_t *bias,
    __attribute__((unused)) uint32_t *sums, __attribute__((unused)) const uint32_t *offsets)
{
    __asm__(
        "addi sp, sp, -48\n\t"
        EDGE_SAVED(EDGE_SAVE)
        EDGE_START(0, s0, s1, s2, s3)
        EDGE_START(4, s4, s5, s6, s7)
        EDGE_START(8, s8, s9, s10, s11)
        EDGE_START(12, t3, t4, t5, t6)
        "1:\n\t"
        EDGE_TAP(0, 4, 8, 12, 0, 1, 2, 3)
        EDGE_TAP(16, 20, 24, 28, 4, 5, 6, 7)
        EDGE_TAP(32, 36, 40, 44, 8, 9, 10, 11)
        EDGE_TAP(48, 52, 56, 60, 12, 13, 14, 15)
        "addi a0, a0, 64\n\t"
        "addi a2, a2, 16\n\t"
        "bne a0, a1, 1b\n\t"
        EDGE_STORE(0, s0) EDGE_STORE(4, s1) EDGE_STORE(8, s2) EDGE_STORE(12, s3)
        EDGE_STORE(16, s4) EDGE_STORE(20, s5) EDGE_STORE(24, s6) EDGE_STORE(28, s7)
        EDGE_STORE(32, s8) EDGE_STORE(36, s9) EDGE_STORE(40, s10) EDGE_STORE(44, s11)
        EDGE_STORE(48, t3) EDGE_STORE(52, t4) EDGE_STORE(56, t5) EDGE_STORE(60, t6)
        EDGE_SAVED(EDGE_RESTORE)
        "addi sp, sp, 48\n\t"
        "ret\n\t");
}
#else
static void edge_sum_block(const uint32_t *x, const uint32_t *end, const int8_t *w,
                           const int32_t *bias, uint32_t *sums, const uint32_t *offsets)
{
    (void)offsets;
    for (int32_t i = 0; i < 16; i++)
        sums[i] = i % 2 ? edge_second_word(bias[i / 4], bias[i / 4])
                        : edge_first_word(bias[i / 4], bias[i / 4]);
    for (; x != end; x += 4, w += 4)
        for (int32_t i = 0; i < 16; i++) {
            const uint32_t weight = (uint32_t)w[i / 4];
            sums[i] += x[i % 4] * weight;
        }
}
#endif

#endif
