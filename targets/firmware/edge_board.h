/* What the firmware asks of a board.  A port implements the first four; the rest have weak defaults
 * (edge_board_default.c) that suit most boards.  None is called from an interrupt. */
#ifndef EDGE_BOARD_H
#define EDGE_BOARD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What edge_board_counter() counts. */
enum edge_counter {
    EDGE_COUNTER_NONE = 0,        /* the board has no counter: figures in cycles are absent */
    EDGE_COUNTER_DWT = 1,         /* CYCCNT of the core's debug unit, 32 bits */
    EDGE_COUNTER_SYSTICK = 2,     /* SysTick on the processor's clock, extended to 64 bits */
    EDGE_COUNTER_CYCLES = 3,      /* another counter of processor cycles, 64 bits */
    EDGE_COUNTER_INSTRUCTIONS = 4 /* instructions executed by an emulator, 64 bits */
};

/* Bytes received since the last call, at most room; 0 if there are none.  Never waits. */
uint32_t edge_board_uart_read(uint8_t *to, uint32_t room);

/* Sends all bytes; returns when the last one is on its way or buffered. */
void edge_board_uart_write(const uint8_t *from, uint32_t bytes);

/* The processor's clock in Hz, 0 where the port does not know it.  Weak default: 0. */
uint32_t edge_board_clock_hz(void);

/* Drives the pin that an external meter watches: high while an inference runs.
 * Weak default: no pin. */
void edge_board_gpio_set(int high);

/* Called once before anything else: clocks, pins, UART.  Weak default: nothing. */
void edge_board_init(void);

/* Called while the firmware waits for bytes, for an operating system that wants a word.
 * Weak default: nothing. */
void edge_board_idle(void);

/* The counter, and what it counts; edge_board_counter_kind() is called first and may start it.
 * Weak default: CYCCNT where the core has it and it runs, else none. */
uint64_t edge_board_counter(void);
uint8_t edge_board_counter_kind(void);

/* Microseconds since any moment, for MLPerf Tiny's timestamps.  Weak default: 0, not known; cycles
 * and clock serve then. */
uint64_t edge_board_microseconds(void);

/* What a difference of two readings is worth in what the kind says.  Weak default: itself. */
uint64_t edge_board_counted(uint64_t difference);

/* The port's name for reports.  Weak default: "board". */
const char *edge_board_name(void);

/* 1 on an emulated board, whose figures are never called measured.  Weak default: 0. */
int edge_board_is_emulated(void);

#ifdef __cplusplus
}
#endif

#endif
