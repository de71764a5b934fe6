/* One instance of conv2d_dsp_depth_s8.h. The file that includes this defines EDGE_FUNCTION and
 *   EDGE_IS_WIDE       1 for the weights of edge_dot_wide_3x2, 0 for those of edge_dot_3x2
 *   EDGE_FIRST_WORDS   of taps in front of the rounds, 1 to 3
 *   EDGE_ROUNDS_ONCE   of six taps, behind them
 *   EDGE_ROUNDS        of six taps in the loop, 0 for none
 *   EDGE_PASSES        through the loop
 *   EDGE_TAIL          EDGE_TAIL_RECTIFIED (0) or EDGE_TAIL_LINEAR (1)
 * Code runs straight through a pair of channels, but for the loop, where edge_dot_3x2 jumps to where
 * the depth asks for. */
#if EDGE_IS_WIDE
#include "edge_dsp_dot_int16.h"
#define PREPARE_TAIL
#else
#include "edge_dsp_dot_int8.h"
#define PREPARE_TAIL MAKE_ADDENDS
#endif

#if EDGE_FIRST_WORDS == 1
#define START_PAIR START_1
#elif EDGE_FIRST_WORDS == 2
#define START_PAIR START_2
#else
#define START_PAIR START_3
#endif

#if EDGE_PASSES > 1
#define END_OF_PASS LOOP_AGAIN
#else
#define END_OF_PASS
#endif

#if EDGE_TAIL == 0
#define FINISH_PAIR RECTIFIED_TAIL
#else
#define FINISH_PAIR LINEAR_TAIL
#endif

#define DIGITS(number) #number
#define REPEAT(times, code) ".rept " DIGITS(times) "\n" code ".endr\n"

#define DEPTH \
    (2 * EDGE_FIRST_WORDS + 6 * (EDGE_ROUNDS_ONCE + EDGE_ROUNDS * EDGE_PASSES))

EDGE_NAKED static const uint32_t *dot(const edge_dot_block *block EDGE_UNUSED,
                                      const uint32_t *weights EDGE_UNUSED)
{
    __asm__ volatile(
        ENTER
        PREPARE_TAIL
        ".p2align 2\n"
        "1: ldr r12, " COLUMNS "\n"
        START_PAIR
        REPEAT(EDGE_ROUNDS_ONCE, SIX_TAPS)
        "2:\n" REPEAT(EDGE_ROUNDS, SIX_TAPS)
        END_OF_PASS
        FINISH_PAIR
    );
}

int EDGE_FUNCTION(const conv2d_dsp_depth_s8_params *p, const int8_t *in, const uint32_t *weights,
                  int8_t *out, void *scratch)
{
    if (!p || p->tail != EDGE_TAIL ||
        ((p->kernel_height * p->kernel_width * p->in_channels + 3) & ~3) != DEPTH)
        return EDGE_BAD_ARG;
    return edge_dsp_conv2d(p, in, weights, out, scratch, dot);
}
