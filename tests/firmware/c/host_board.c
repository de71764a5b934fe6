/* The firmware as a program: the serial line is standard input and output.  Its model adds 1, in
 * three layers, to the sum of two inputs, through the arena, behind which it counts its calls. */
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "edge_board.h"
#include "edge_model.h"
#include "edge_session.h"

#define FIRST 1300
#define SECOND 10

static uint8_t first[FIRST], second[SECOND], output[FIRST], arena[FIRST + SECOND];
static uint32_t filled[2], counts[4];
static uint64_t readings;
static uint8_t calls;

static int run_with(void (*after_layer)(uint32_t number))
{
    for (int i = 0; i < FIRST; i++)
        arena[i] = (uint8_t)(first[i] + second[i % SECOND]);
    arena[FIRST] = ++calls;
    after_layer(1);
    for (int i = 0; i < FIRST; i++)
        arena[i] = (uint8_t)(arena[i] + 1);
    after_layer(2);
    for (int i = 0; i < FIRST; i++)
        output[i] = arena[i];
    after_layer(4);
    return second[0] == 99 ? 7 : 0;
}

static void ignore(uint32_t number)
{
    (void)number;
}

static int run(void)
{
    return run_with(ignore);
}

static int run_observed(void)
{
    return run_with(edge_after_layer);
}

static const struct edge_buffer inputs[] = {{first, FIRST}, {second, SECOND}};
static const struct edge_buffer outputs[] = {{output, FIRST}};

const struct edge_model edge_model = {
    .name = "adder", .artifact_sha256 = "0123abcd", .core = "host", .compiler = EDGE_COMPILER,
    .inputs = inputs, .outputs = outputs, .arena = {arena, sizeof arena},
    .inputs_filled = filled, .layer_counts = counts, .layers = 4,
    .input_count = 2, .output_count = 1, .run = run, .run_observed = run_observed,
};

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

uint64_t edge_board_counter(void)
{
    return ++readings;
}

uint8_t edge_board_counter_kind(void)
{
    return EDGE_COUNTER_CYCLES;
}

uint32_t edge_board_clock_hz(void)
{
    return 64000000u;
}

const char *edge_board_name(void)
{
    return "host";
}

#ifdef EDGE_HOST_MLPERF
#include "mlperf/edge_mlperf.h"
static uint8_t raw[4 * FIRST];
const struct edge_mlperf_model edge_mlperf_model = {
    .version = "ad01", .input = EDGE_HOST_MLPERF, .raw = raw,
    .input_scale = 0.5f, .input_zero_point = -3, .output_scale = 0.25f, .output_zero_point = 5,
};
#endif

int main(void)
{
#ifdef EDGE_HOST_MLPERF
    edge_mlperf_main();
#endif
    edge_firmware_main();
    return 0;
}
