/* SysTick as a counter of processor cycles, for cores without CYCCNT; compiled in by defining
 * EDGE_COUNTER_IS_SYSTICK.  Its 24 bits are extended by an interrupt at every wrap, whose some
 * twenty cycles in 2^24 count as the model's.  edge_systick() must be in the vector table.
 *
 * Arm Armv6-M Architecture Reference Manual (DDI 0419), B3.3; the same in Armv7-M and Armv8-M. */
#include "edge_board.h"

#ifdef EDGE_COUNTER_IS_SYSTICK

#define SYST_CSR (*(volatile uint32_t *)0xE000E010u)
#define SYST_RVR (*(volatile uint32_t *)0xE000E014u)
#define SYST_CVR (*(volatile uint32_t *)0xE000E018u)
#define PROCESSOR_CLOCK_INTERRUPT_ENABLE 7u
#define LARGEST 0x00FFFFFFu

void edge_systick(void);

static volatile uint32_t wraps;

void edge_systick(void)
{
    wraps++;
}

/* It counts down.  Read again if a wrap came between the two halves. */
uint64_t edge_board_counter(void)
{
    uint32_t before, now, after;
    do {
        before = wraps;
        now = SYST_CVR;
        after = wraps;
    } while (before != after);
    return ((uint64_t)before << 24) + (LARGEST - now);
}

uint8_t edge_board_counter_kind(void)
{
    uint64_t before;
    SYST_RVR = LARGEST;
    SYST_CVR = 0; /* any value clears it */
    SYST_CSR = PROCESSOR_CLOCK_INTERRUPT_ENABLE;
    __asm__ volatile("cpsie i" ::: "memory");
    before = edge_board_counter();
    for (volatile int wait = 0; wait < 64; wait++)
        ;
    return edge_board_counter() > before ? EDGE_COUNTER_SYSTICK : EDGE_COUNTER_NONE;
}

#endif
