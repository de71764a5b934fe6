/* The firmware as a program: the serial line is standard input and output. */
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "edge_board.h"
#include "edge_session.h"
#ifdef EDGE_HOST_MLPERF
#include "mlperf/edge_mlperf.h"
#endif

uint32_t edge_board_uart_read(uint8_t *to, uint32_t room)
{
    struct pollfd waiting = {0, POLLIN, 0};
    ssize_t bytes;
    if (poll(&waiting, 1, 100) <= 0)
        return 0;
    bytes = read(0, to, room);
    if (bytes <= 0)
        exit(0); /* the line has been closed */
    return (uint32_t)bytes;
}

void edge_board_uart_write(const uint8_t *from, uint32_t bytes)
{
    while (bytes) {
        ssize_t written = write(1, from, bytes);
        if (written <= 0)
            exit(0);
        from += written;
        bytes -= (uint32_t)written;
    }
}

/* Nanoseconds stand for cycles: this machine's clock is no cycle counter, but it runs. */
uint64_t edge_board_counter(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint8_t edge_board_counter_kind(void)
{
    return EDGE_COUNTER_CYCLES;
}

uint32_t edge_board_clock_hz(void)
{
    return 1000000000u;
}

const char *edge_board_name(void)
{
    return "host";
}

int main(void)
{
#ifdef EDGE_HOST_MLPERF
    edge_mlperf_main();
#endif
    edge_firmware_main();
    return 0;
}
