/* Sends back every frame that is found in standard input. */
#include <stdio.h>

#include "edge_board.h"
#include "edge_frame.h"

void edge_board_uart_write(const uint8_t *from, uint32_t bytes)
{
    fwrite(from, 1, bytes, stdout);
}

int main(void)
{
    static struct edge_frame_reader reader;
    int byte;
    while ((byte = getchar()) != EOF)
        if (edge_frame_take(&reader, (uint8_t)byte))
            edge_frame_write(reader.content, reader.bytes);
    return 0;
}
