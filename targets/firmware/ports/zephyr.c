/* Zephyr: calls as in its documentation, "UART" (polling API) and "Devicetree API".  Never run by
 * edgetool.  The line is the chosen zephyr,console: nothing else may print there
 * (CONFIG_PRINTK=n, CONFIG_BOOT_BANNER=n, CONFIG_CONSOLE=n, CONFIG_SERIAL=y), and the main stack needs
 * 4 KiB and some hundred bytes (CONFIG_MAIN_STACK_SIZE=8192). */
#include "edge_board.h"
#include <zephyr/device.h>
#include <zephyr/drivers/uart.h>

static const struct device *const line = DEVICE_DT_GET(DT_CHOSEN(zephyr_console));

uint32_t edge_board_uart_read(uint8_t *to, uint32_t room)
{
    uint32_t bytes = 0;
    while (bytes < room && uart_poll_in(line, to + bytes) == 0)
        bytes++;
    return bytes;
}

void edge_board_uart_write(const uint8_t *from, uint32_t bytes)
{
    while (bytes--)
        uart_poll_out(line, *from++);
}

#if DT_NODE_HAS_PROP(DT_PATH(cpus, cpu_0), clock_frequency)
uint32_t edge_board_clock_hz(void)
{
    return DT_PROP(DT_PATH(cpus, cpu_0), clock_frequency);
}
#endif

const char *edge_board_name(void)
{
    return "zephyr";
}
