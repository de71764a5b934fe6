/* Nordic nRF51 and nRF52: the UART without EasyDMA, which both have at the same registers.
 *
 * nRF51 Series Reference Manual 3.0, chapters "UART", "GPIO", "CLOCK"; nRF52840 Product Specification
 * 1.1, 6.34 UART, 6.9 GPIO, 5.4 CLOCK, 4.3 NVMC.  The target's [port.defines] give:
 * EDGE_UART; pins as 32 * port + number; EDGE_CLOCK_HZ; EDGE_ICACHECNF, 0 on nRF51, which has no
 * instruction cache; EDGE_IS_EMULATED; EDGE_COUNTER_IS_SYSTICK where the core has no CYCCNT. */
#include "edge_board.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define UART(offset) REGISTER(EDGE_UART + (offset))
#define START_RECEIVING UART(0x000u)
#define START_SENDING UART(0x008u)
#define RECEIVED UART(0x108u)
#define SENT UART(0x11Cu)
#define ENABLE UART(0x500u)
#define SELECT_TX UART(0x50Cu)
#define SELECT_RX UART(0x514u)
#define RXD UART(0x518u)
#define TXD UART(0x51Cu)
#define BAUDRATE UART(0x524u)
#define UART_ENABLED 4u
#define BAUD_115200 0x01D7E000u

#define CRYSTAL_START REGISTER(0x40000000u)
#define CRYSTAL_STARTED REGISTER(0x40000100u)

#define PORT_OF(pin) (0x50000000u + ((pin) >> 5) * 0x300u)
#define BIT_OF(pin) (1u << ((pin) & 31u))
#define SET_HIGH(pin) (REGISTER(PORT_OF(pin) + 0x508u) = BIT_OF(pin))
#define SET_LOW(pin) (REGISTER(PORT_OF(pin) + 0x50Cu) = BIT_OF(pin))
#define MAKE_OUTPUT(pin) (REGISTER(PORT_OF(pin) + 0x518u) = BIT_OF(pin))

void edge_board_init(void)
{
    CRYSTAL_STARTED = 0;
    CRYSTAL_START = 1; /* the RC oscillator that runs after reset is off by per cents */
    while (!CRYSTAL_STARTED)
        ;
    if (EDGE_ICACHECNF)
        REGISTER(EDGE_ICACHECNF) = 1;
    SET_HIGH(EDGE_TX_PIN);
    MAKE_OUTPUT(EDGE_TX_PIN);
    SET_LOW(EDGE_METER_PIN);
    MAKE_OUTPUT(EDGE_METER_PIN);
    SELECT_TX = EDGE_TX_PIN;
    SELECT_RX = EDGE_RX_PIN;
    BAUDRATE = BAUD_115200;
    ENABLE = UART_ENABLED;
    RECEIVED = 0;
    START_RECEIVING = 1;
    START_SENDING = 1;
}

/* The receiver holds six bytes; the event goes before the byte is taken, so that none is missed. */
uint32_t edge_board_uart_read(uint8_t *to, uint32_t room)
{
    uint32_t bytes = 0;
    while (bytes < room && RECEIVED) {
        RECEIVED = 0;
        to[bytes++] = (uint8_t)RXD;
    }
    return bytes;
}

void edge_board_uart_write(const uint8_t *from, uint32_t bytes)
{
    while (bytes--) {
        SENT = 0;
        TXD = *from++;
        while (!SENT)
            ;
    }
}

uint32_t edge_board_clock_hz(void)
{
    return EDGE_CLOCK_HZ;
}

void edge_board_gpio_set(int high)
{
    if (high)
        SET_HIGH(EDGE_METER_PIN);
    else
        SET_LOW(EDGE_METER_PIN);
}

const char *edge_board_name(void)
{
    return EDGE_PORT_NAME;
}

int edge_board_is_emulated(void)
{
    return EDGE_IS_EMULATED;
}
