/* Raspberry Pi Pico SDK: calls as in "Raspberry Pi Pico-series C/C++ SDK", pico_stdlib.  Never run by
 * edgetool.  Over USB or UART, whichever stdio the project enables; call stdio_init_all() and, for
 * EDGE_METER_PIN, gpio_init() and gpio_set_dir() before edge_firmware_main().
 * RP2040's Cortex-M0+ has no CYCCNT: with EDGE_COUNTER_IS_SYSTICK defined for the whole project SysTick
 * counts its cycles. */
#include "edge_board.h"
#include "hardware/clocks.h"
#include "pico/stdlib.h"

uint32_t edge_board_uart_read(uint8_t *to, uint32_t room)
{
    uint32_t bytes = 0;
    while (bytes < room) {
        int byte = getchar_timeout_us(0);
        if (byte < 0)
            break;
        to[bytes++] = (uint8_t)byte;
    }
    return bytes;
}

void edge_board_uart_write(const uint8_t *from, uint32_t bytes)
{
    while (bytes--)
        putchar_raw(*from++);
}

uint32_t edge_board_clock_hz(void)
{
    return clock_get_hz(clk_sys);
}

uint64_t edge_board_microseconds(void)
{
    return time_us_64();
}

#ifdef EDGE_COUNTER_IS_SYSTICK
void edge_systick(void);
void isr_systick(void); /* the SDK's name for the handler */

void isr_systick(void)
{
    edge_systick();
}
#endif

void edge_board_gpio_set(int high)
{
#ifdef EDGE_METER_PIN
    gpio_put(EDGE_METER_PIN, high != 0);
#else
    (void)high;
#endif
}

const char *edge_board_name(void)
{
    return "pico-sdk";
}
