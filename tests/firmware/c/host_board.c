/* A model for the firmware as a program (host_port.c).  It adds 1, in three layers, to the sum of two
 * inputs, through the arena, behind which it counts its calls. */
#include "edge_model.h"

#define FIRST 1300
#define SECOND 10

static uint8_t first[FIRST], second[SECOND], output[FIRST], arena[FIRST + SECOND];
static uint32_t filled[2], counts[4];
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

#ifdef EDGE_HOST_MLPERF
#include "mlperf/edge_mlperf.h"

static uint8_t raw[4 * FIRST];
const struct edge_mlperf_model edge_mlperf_model = {
    .version = "ad01", .input = EDGE_HOST_MLPERF, .raw = raw,
    .input_scale = 0.5f, .input_zero_point = -3, .output_scale = 0.25f, .output_zero_point = 5,
};
#endif
