/* Your board: fill in these four functions.  edge_board.h says what each one does. */
#include "edge_board.h"

#error "fill in src/my_board.c, then remove this line"

uint32_t edge_board_uart_read(uint8_t *to, uint32_t room)
{
    /* for example: while (bytes < room && byte_has_arrived()) to[bytes++] = next_byte(); */
    (void)to;
    (void)room;
    return 0;
}

void edge_board_uart_write(const uint8_t *from, uint32_t bytes)
{
    (void)from;
    (void)bytes;
}

uint32_t edge_board_clock_hz(void)
{
    return 0; /* for example SystemCoreClock; 0: not known, and no times are given */
}

void edge_board_gpio_set(int high)
{
    (void)high; /* a pin for the meter; may stay empty */
}
