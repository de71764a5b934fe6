/* QEMU's Arm MPS2 and MPS3 machines: CMSDK UART 0 and the FPGA's counters.
 *
 * UART: Arm Cortex-M System Design Kit Technical Reference Manual (DDI 0479), 4.3 "APB UART".
 * FPGAIO: Arm Application Note AN385 (DAI 0385), "FPGA system control"; QEMU 7.2,
 * hw/misc/mps2-fpgaio.c.
 * edgetool defines EDGE_UART, EDGE_FPGAIO, EDGE_COUNTER_HZ and EDGE_PORT_NAME for each machine.
 *
 * The board reports itself as emulated.  With `-icount shift=8` an instruction takes
 * 256 ns of the machine's time, so that its counter tells executed instructions, exactly; this is
 * tried at start, and otherwise there is no counter.  The core's own CYCCNT does not exist in QEMU.
 *
 * Waiting is by WFI: QEMU's own threads get hardly a turn while a processor polls a device.
 * Interrupts are masked, so they end WFI and do nothing else, whatever their numbers are. */
#include "edge_board.h"

#define DATA (*(volatile uint32_t *)(EDGE_UART + 0x00u))
#define STATE (*(volatile uint32_t *)(EDGE_UART + 0x04u))
#define CTRL (*(volatile uint32_t *)(EDGE_UART + 0x08u))
#define INTSTATUS (*(volatile uint32_t *)(EDGE_UART + 0x0Cu)) /* written: clear */
#define BAUDDIV (*(volatile uint32_t *)(EDGE_UART + 0x10u))
#define SEND_RECEIVE_INTERRUPT 0xBu /* transmitter, receiver, the receiver's interrupt */
#define TX_FULL 1u
#define RX_FULL 2u
#define BAUD 115200u

#define NVIC_ENABLE ((volatile uint32_t *)0xE000E100u)
#define NVIC_UNPEND ((volatile uint32_t *)0xE000E280u)
#define NVIC_WORDS 2u

#define CLK100HZ (*(volatile uint32_t *)(EDGE_FPGAIO + 0x14u))
#define COUNTER (*(volatile uint32_t *)(EDGE_FPGAIO + 0x18u))
#define INSTRUCTION_NS 256u
#define LOOP_INSTRUCTIONS 402u

void edge_board_init(void)
{
    BAUDDIV = EDGE_COUNTER_HZ / BAUD;
    CTRL = SEND_RECEIVE_INTERRUPT;
    (void)DATA; /* QEMU asks its end of the line for bytes after a read only */
    __asm__ volatile("cpsid i" ::: "memory");
    for (uint32_t i = 0; i < NVIC_WORDS; i++)
        NVIC_ENABLE[i] = 0xffffffffu;
}

/* A byte that arrives after the check is pending and ends WFI at once. */
void edge_board_idle(void)
{
    INTSTATUS = 3u;
    for (uint32_t i = 0; i < NVIC_WORDS; i++)
        NVIC_UNPEND[i] = 0xffffffffu;
    if (!(STATE & RX_FULL))
        __asm__ volatile("wfi" ::: "memory");
}

uint32_t edge_board_uart_read(uint8_t *to, uint32_t room)
{
    uint32_t bytes = 0;
    while (bytes < room && (STATE & RX_FULL))
        to[bytes++] = (uint8_t)DATA;
    return bytes;
}

void edge_board_uart_write(const uint8_t *from, uint32_t bytes)
{
    while (bytes--) {
        while (STATE & TX_FULL)
            ;
        DATA = *from++;
    }
}

const char *edge_board_name(void)
{
    return EDGE_PORT_NAME;
}

int edge_board_is_emulated(void)
{
    return 1;
}

/* COUNTER has 32 bits; the 100 Hz counter tells how often it wrapped. */
uint64_t edge_board_counter(void)
{
    uint64_t coarse = (uint64_t)CLK100HZ * (EDGE_COUNTER_HZ / 100u);
    uint32_t low = COUNTER;
    uint64_t wraps = (coarse + 0x80000000u - low) >> 32;
    return (wraps << 32) + low;
}

/* Of the machine's own time, which is no board's. */
uint64_t edge_board_microseconds(void)
{
    return edge_board_counter() / (EDGE_COUNTER_HZ / 1000000u);
}

/* A difference is right within a tick, which is a fraction of an instruction. */
uint64_t edge_board_counted(uint64_t difference)
{
    const uint32_t tick_ns = 1000000000u / EDGE_COUNTER_HZ;
    return (difference * tick_ns + INSTRUCTION_NS / 2u) / INSTRUCTION_NS;
}

static __attribute__((naked, noinline)) void loop(void)
{
    __asm__ volatile(".syntax unified\nmovs r0, #200\n1: subs r0, #1\nbne 1b\nbx lr");
}

static __attribute__((naked, noinline)) void nothing(void)
{
    __asm__ volatile("bx lr");
}

static __attribute__((noinline)) uint64_t counted(void (*code)(void))
{
    uint64_t before = edge_board_counter();
    code();
    return edge_board_counted(edge_board_counter() - before);
}

uint8_t edge_board_counter_kind(void)
{
    void (*volatile code)(void) = nothing; /* volatile: one copy of counted() serves both */
    uint64_t cost = counted(code) - 1u;
    code = loop;
    return counted(code) - cost == LOOP_INSTRUCTIONS ? EDGE_COUNTER_INSTRUCTIONS
                                                     : EDGE_COUNTER_NONE;
}
