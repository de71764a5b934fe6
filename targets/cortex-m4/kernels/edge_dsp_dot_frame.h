/* What the products of 3 pixels and 2 channels have in common, as assembly. Those of any depth have
 * the labels 1 pair of channels; 31, 32, 33 its first one, two, three words of taps; 2 the unrolled
 * loop; 41, 42, 43 the tails.
 * Registers: r0-r2 sums of the first channel, r3-r5 of the second; r6-r8 taps of the pixels;
 * r9-r11 weights; r12 columns; lr weights.
 * Frame: addends of rectified sums for left shifts of 8, 7, … 2; the columns, then where code goes
 * on: at the first taps, in the unrolled loop, behind the sums. */
#ifndef EDGE_DSP_DOT_FRAME_H
#define EDGE_DSP_DOT_FRAME_H

#define FRAME_BYTES "64"
#define COLUMNS "[sp, #28]"
#define LOOP "[sp, #36]"
#define TAIL "[sp, #40]"
#define COLUMNS_END "[sp, #44]"
#define OUT "[sp, #48]"        /* and its stride */
#define SIXTY_FOUR "[sp, #56]" /* and the addend */

/* r0 = block, r1 = weights. Leaves tail, first and entry in r6-r8. */
#define ENTER \
    "push {r4-r11, lr}\n" \
    "sub sp, sp, #" FRAME_BYTES "\n" \
    "mov lr, r1\n" \
    "ldm r0, {r1-r8}\n" /* columns, their end, out, stride, addend, tail, first, entry */ \
    "str r1, " COLUMNS "\n" \
    "str r2, " COLUMNS_END "\n" \
    "strd r3, r4, " OUT "\n"

/* Behind ENTER, for tails that shift sums: addends. */
#define MAKE_ADDENDS \
    "movs r0, #64\n" \
    "strd r0, r5, " SIXTY_FOUR "\n" \
    "add r0, r5, #64\n add r1, r5, #32\n add r2, r5, #16\n add r3, r5, #8\n" \
    "stm sp, {r0-r3}\n" \
    "add r0, r5, #4\n add r1, r5, #2\n add r2, r5, #1\n" \
    "strd r0, r1, [sp, #16]\n" \
    "str r2, [sp, #24]\n"

/* Behind ENTER: where code goes on.   round: bytes of a round of the unrolled loop. */
#define FIND_CODE(round) \
    "adr.w r2, 31f\n" \
    "cmp r7, #2\n" \
    "it eq\n adreq.w r2, 32f\n" \
    "it hi\n adrhi.w r2, 33f\n" \
    "adr.w r4, 41f\n" \
    "cmp r6, #1\n" \
    "it eq\n adreq.w r4, 42f\n" \
    "it hi\n adrhi.w r4, 43f\n" \
    "adr.w r3, 2f\n" \
    "movs r6, #" round "\n" \
    "mla r3, r8, r6, r3\n" \
    "orr r2, r2, #1\n orr r3, r3, #1\n orr r4, r4, #1\n" /* Thumb */ \
    "add r0, sp, #32\n" \
    "stm r0, {r2-r4}\n"

/* The columns, and on to the first taps. */
#define BEGIN_PAIR "add r12, sp, #28\n ldm r12, {r12, pc}\n"

/* Two taps of 3 pixels by one channel. */
#define FIRST_CHANNEL(taps) \
    "smlad r0, r6, " taps ", r0\n" \
    "smlad r1, r7, " taps ", r1\n" \
    "smlad r2, r8, " taps ", r2\n"
#define SECOND_CHANNEL(taps) \
    "smlad r3, r6, " taps ", r3\n" \
    "smlad r4, r7, " taps ", r4\n" \
    "smlad r5, r8, " taps ", r5\n"

/* The first taps, with the biases in r0 and r3. */
#define START_FIRST_CHANNEL(taps) \
    "smlad r1, r7, " taps ", r0\n" \
    "smlad r2, r8, " taps ", r0\n" \
    "smlad r0, r6, " taps ", r0\n"
#define START_SECOND_CHANNEL(taps) \
    "smlad r4, r7, " taps ", r3\n" \
    "smlad r5, r8, " taps ", r3\n" \
    "smlad r3, r6, " taps ", r3\n"

#define LOAD_TAPS "ldm r12!, {r6-r8}\n"

/* Behind the unrolled loop, which runs again until the columns end. */
#define LOOP_AGAIN "ldr r6, " COLUMNS_END "\n cmp r12, r6\n bne.w 2b\n"

/* The shifts of the second channel; N is set for the last pair. */
#define NEXT_SHIFT "asrs r12, r12, #8\n"

/* The upper half of sum * multiplier + addend, then its upper bits, saturated. */
#define SCALE(sum, multiplier, addend) "smmla " sum ", " sum ", " multiplier ", " addend "\n"
#define SATURATE(sum, bits) "ssat " sum ", #8, " sum ", asr #" bits "\n"
#define SCALE_ALL \
    SCALE("r0", "r8", "r10") SCALE("r1", "r8", "r10") SCALE("r2", "r8", "r10") \
    SCALE("r3", "r9", "r11") SCALE("r4", "r9", "r11") SCALE("r5", "r9", "r11")
#define SATURATE_ALL(bits) \
    SATURATE("r0", bits) SATURATE("r1", bits) SATURATE("r2", bits) \
    SATURATE("r3", bits) SATURATE("r4", bits) SATURATE("r5", bits)

/* SCALE less the nudge for sums below zero, which round the other way. */
#define SCALE_LINEAR(sum, multiplier, addend, nudge, spare) \
    "and " spare ", " nudge ", " sum ", asr #31\n" \
    "sub " spare ", " addend ", " spare "\n" \
    "smmla " sum ", " sum ", " multiplier ", " spare "\n"

/* Both channels side by side; the next pair unless N is set. */
#define STORE_AND_GO_ON \
    "bfi r0, r3, #8, #8\n bfi r1, r4, #8, #8\n bfi r2, r5, #8, #8\n" \
    "ldrd r8, r9, " OUT "\n" \
    "strh r1, [r8, r9]\n strh r2, [r8, r9, lsl #1]\n strh r0, [r8], #2\n" \
    "str r8, " OUT "\n" \
    "bpl.w 1b\n"

#define RETURN "mov r0, lr\n add sp, sp, #" FRAME_BYTES "\n pop {r4-r11, pc}\n"

#endif
