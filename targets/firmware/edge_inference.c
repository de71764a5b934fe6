#include "edge_inference.h"

#include "edge_board.h"
#include "edge_model.h"

#define RED_ZONE_BYTES 128u /* below our own frame: what paint() itself and an interrupt need */
#define PAINT_ONE 0xa5u
#define PAINT_TWO 0x5au

static uint8_t counter_kind;
static uint64_t counter_cost, layer_cost, layer_start;
static void (*layer_hook)(uint32_t number);

/* 32-bit counters wrap: differences are taken in their own width. */
static uint64_t elapsed(uint64_t from, uint64_t to)
{
    uint64_t difference = to - from;
    if (counter_kind == EDGE_COUNTER_DWT)
        difference = (uint32_t)difference;
    return edge_board_counted(difference);
}

static uint64_t without(uint64_t cost, uint64_t counted)
{
    return counted > cost ? counted - cost : 0;
}

static int counts_cycles(void)
{
    return counter_kind == EDGE_COUNTER_DWT || counter_kind == EDGE_COUNTER_SYSTICK ||
           counter_kind == EDGE_COUNTER_CYCLES;
}

int edge_microseconds(uint64_t *microseconds)
{
    static uint64_t cycles, last;
    uint64_t clock_hz = edge_board_clock_hz(), now = edge_board_counter();
    *microseconds = edge_board_microseconds();
    if (*microseconds)
        return 1;
    cycles += elapsed(last, now);
    last = now;
    if (clock_hz == 0 || !counts_cycles())
        return 0;
    *microseconds = cycles / clock_hz * 1000000u + cycles % clock_hz * 1000000u / clock_hz;
    return 1;
}

static int run_nothing(void)
{
    return 0;
}

static __attribute__((noinline)) int timed(int (*run)(void), uint64_t *counted)
{
    uint64_t before = edge_board_counter();
    int status = run();
    uint64_t after = edge_board_counter();
    *counted = elapsed(before, after);
    return status;
}

static void count_layer(uint32_t number)
{
    uint64_t now = edge_board_counter();
    if (number >= 1u && number <= edge_model.layers) {
        uint64_t counted = without(layer_cost, elapsed(layer_start, now));
        edge_model.layer_counts[number - 1u] =
            counted < EDGE_UNKNOWN ? (uint32_t)counted : EDGE_UNKNOWN;
    }
    layer_start = edge_board_counter();
}

void edge_after_layer(uint32_t number)
{
    if (layer_hook)
        layer_hook(number);
}

/* A layer's cost is what passes between two calls behind each other. */
static void calibrate_layers(void)
{
    layer_cost = 0;
    layer_hook = count_layer;
    edge_after_layer(1); /* cold */
    edge_after_layer(1);
    edge_after_layer(1);
    layer_cost = edge_model.layer_counts[0];
    layer_hook = 0;
}

void edge_counter_start(void)
{
    int (*volatile run)(void) = run_nothing; /* volatile: called as a model is, not inlined */
    counter_kind = edge_board_counter_kind();
    timed(run, &counter_cost); /* the first time, caches and flash buffers are cold */
    timed(run, &counter_cost);
    if (counter_kind != EDGE_COUNTER_NONE && edge_model.layers)
        calibrate_layers();
}

uint8_t edge_counter_kind(void)
{
    return counter_kind;
}

int edge_run_counted(uint64_t *counted)
{
    int status;
    edge_board_gpio_set(1);
    status = timed(edge_model.run, counted);
    edge_board_gpio_set(0);
    *counted = without(counter_cost, *counted);
    return status;
}

int edge_run_window(uint32_t inferences, uint64_t *counted)
{
    int status = 0;
    uint64_t before;
    edge_board_gpio_set(1);
    before = edge_board_counter();
    while (status == 0 && inferences--)
        status = edge_model.run();
    *counted = elapsed(before, edge_board_counter());
    edge_board_gpio_set(0);
    return status;
}

static void paint(volatile uint8_t *from, const volatile uint8_t *to, uint8_t byte)
{
    while (from < to)
        *from++ = byte;
}

static uint32_t arena_used(uint8_t byte)
{
    uint32_t used = edge_model.arena.bytes;
    while (used && edge_model.arena.data[used - 1u] == byte)
        used--;
    return used;
}

/* The unused stack below this function's frame is painted, then the model is called from the same
 * depth.  Returns the bytes below the frame that the model wrote. */
static __attribute__((noinline)) uint32_t stack_used(uint8_t byte, int *status)
{
    volatile uint8_t *top = (volatile uint8_t *)__builtin_frame_address(0) - RED_ZONE_BYTES;
    volatile uint8_t *bottom = top - EDGE_STACK_PAINTED_BYTES;
    volatile uint8_t *lowest = bottom;
    paint(bottom, top, byte);
    *status = edge_model.run();
    while (lowest < top && *lowest == byte)
        lowest++;
    if (lowest == bottom)
        return EDGE_UNKNOWN;
    return (uint32_t)(top - lowest) + RED_ZONE_BYTES;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Twice, with two paints: a byte that the model wrote stands out in one of them. */
struct edge_usage edge_measure_usage(void)
{
    static const uint8_t paints[2] = {PAINT_ONE, PAINT_TWO};
    struct edge_usage usage = {0, 0, 0};
    for (int i = 0; i < 2 && usage.status == 0; i++) {
        uint8_t *arena = edge_model.arena.data;
        paint(arena, arena + edge_model.arena.bytes, paints[i]);
        usage.stack_bytes = larger(usage.stack_bytes, stack_used(paints[i], &usage.status));
        usage.arena_bytes = larger(usage.arena_bytes, arena_used(paints[i]));
    }
    return usage;
}

int edge_run_layers(void)
{
    int status;
    for (uint32_t i = 0; i < edge_model.layers; i++)
        edge_model.layer_counts[i] = EDGE_UNKNOWN;
    layer_hook = count_layer;
    layer_start = edge_board_counter();
    status = edge_model.run_observed();
    layer_hook = 0;
    return status;
}

int edge_run_stepping(void (*at_layer)(uint32_t number))
{
    int status;
    layer_hook = at_layer;
    status = edge_model.run_observed();
    layer_hook = 0;
    return status;
}
