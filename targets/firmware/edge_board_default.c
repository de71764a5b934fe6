/* Weak defaults of edge_board.h.
 *
 * CYCCNT: Arm Armv7-M Architecture Reference Manual (DDI 0403), C1.6.5 DEMCR and C1.8 DWT; the same
 * addresses in Armv8-M (DDI 0553).  Armv6-M and Armv8-M Baseline have no CYCCNT. */
#include "edge_board.h"

#define EDGE_WEAK __attribute__((weak))

EDGE_WEAK uint32_t edge_board_clock_hz(void)
{
    return 0;
}

EDGE_WEAK void edge_board_gpio_set(int high)
{
    (void)high;
}

EDGE_WEAK void edge_board_init(void)
{
}

EDGE_WEAK void edge_board_idle(void)
{
}

EDGE_WEAK uint64_t edge_board_microseconds(void)
{
    return 0;
}

EDGE_WEAK uint64_t edge_board_counted(uint64_t difference)
{
    return difference;
}

EDGE_WEAK const char *edge_board_name(void)
{
    return "board";
}

EDGE_WEAK int edge_board_is_emulated(void)
{
    return 0;
}

#if defined(__ARM_ARCH_7M__) || defined(__ARM_ARCH_7EM__) || defined(__ARM_ARCH_8M_MAIN__) || \
    defined(__ARM_ARCH_8_1M_MAIN__)

#define DEMCR (*(volatile uint32_t *)0xE000EDFCu)
#define DWT_CTRL (*(volatile uint32_t *)0xE0001000u)
#define DWT_CYCCNT (*(volatile uint32_t *)0xE0001004u)
#define DWT_LAR (*(volatile uint32_t *)0xE0001FB0u)

EDGE_WEAK uint64_t edge_board_counter(void)
{
    return DWT_CYCCNT;
}

/* A counter that does not move is no counter: cores may be built without it, emulators lack it. */
EDGE_WEAK uint8_t edge_board_counter_kind(void)
{
    uint32_t before;
    DEMCR |= 1u << 24;     /* TRCENA */
    DWT_LAR = 0xC5ACCE55u; /* Cortex-M7 locks the unit at reset (DDI 0489, "DWT"); others ignore it */
    DWT_CTRL |= 1u;        /* CYCCNTENA */
    before = DWT_CYCCNT;
    for (volatile int wait = 0; wait < 16; wait++)
        ;
    return DWT_CYCCNT != before ? EDGE_COUNTER_DWT : EDGE_COUNTER_NONE;
}

#else

EDGE_WEAK uint64_t edge_board_counter(void)
{
    return 0;
}

EDGE_WEAK uint8_t edge_board_counter_kind(void)
{
    return EDGE_COUNTER_NONE;
}

#endif
