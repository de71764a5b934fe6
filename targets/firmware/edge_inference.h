/* Inferences and what can be told of them on the board itself. */
#ifndef EDGE_INFERENCE_H
#define EDGE_INFERENCE_H

#include <stdint.h>

#define EDGE_UNKNOWN 0xffffffffu

/* How far below the caller the stack is painted: the board's stack must be deeper by some hundred
 * bytes.  A model that needs more reports EDGE_UNKNOWN. */
#ifndef EDGE_STACK_PAINTED_BYTES
#define EDGE_STACK_PAINTED_BYTES 4096u
#endif

struct edge_usage {
    int status;
    uint32_t stack_bytes; /* from the call of <name>_run on; EDGE_UNKNOWN */
    uint32_t arena_bytes; /* up to the last byte written */
};

/* Starts the counter and finds out what reading it costs.  Once, before all else. */
void edge_counter_start(void);

/* enum edge_counter. */
uint8_t edge_counter_kind(void);

/* Microseconds since edge_counter_start(), by the board's own clock or else its counter of cycles,
 * which must be read more often than it wraps.  Returns 0 where the board knows no time. */
int edge_microseconds(uint64_t *microseconds);

/* One inference between two edges of the meter's pin.  counted: counter difference, the cost of
 * reading it taken off. */
int edge_run_counted(uint64_t *counted);

/* Many inferences, back to back, in one pulse of the meter's pin.  Ends early on a failure. */
int edge_run_window(uint32_t inferences, uint64_t *counted);

/* Two inferences over painted memory: what they touched of it.  Arena and stack below are lost. */
struct edge_usage edge_measure_usage(void);

/* An observed inference that fills edge_model.layer_counts; EDGE_UNKNOWN for a layer without code. */
int edge_run_layers(void);

/* An observed inference that calls at_layer behind each layer, everything as the layer left it. */
int edge_run_stepping(void (*at_layer)(uint32_t number));

#endif
