/* The model in a firmware; edgetool generates edge_model.c, which defines edge_model.
 *
 * run() is one call of <name>_run, compiled exactly as it is shipped.  run_observed() is a second
 * copy of that one function, the kernels and weights shared, which calls edge_after_layer() behind
 * every layer. */
#ifndef EDGE_MODEL_H
#define EDGE_MODEL_H

#include <stdint.h>

struct edge_buffer {
    uint8_t *data;
    uint32_t bytes;
};

/* The version of the compiler that compiles the file which asks. */
#define EDGE_TEXT_OF(number) #number
#define EDGE_DOTTED(a, b, c) EDGE_TEXT_OF(a) "." EDGE_TEXT_OF(b) "." EDGE_TEXT_OF(c)
#if defined(__clang__)
#define EDGE_COMPILER \
    "clang " EDGE_DOTTED(__clang_major__, __clang_minor__, __clang_patchlevel__)
#elif defined(__GNUC__)
#define EDGE_COMPILER "gcc " EDGE_DOTTED(__GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__)
#else
#define EDGE_COMPILER "an unknown compiler"
#endif

/* artifact_sha256: of the artifact's manifest, in hexadecimal.   layers: highest number that
 * edge_after_layer() is called with.   layer_counts: one word for each.
 * inputs_filled: how many bytes of each input were loaded, from its start on. */
struct edge_model {
    const char *name;
    const char *artifact_sha256;
    const char *core;
    const char *compiler;
    const struct edge_buffer *inputs;
    const struct edge_buffer *outputs;
    struct edge_buffer arena;
    uint32_t *inputs_filled;
    uint32_t *layer_counts;
    uint16_t layers;
    uint8_t input_count;
    uint8_t output_count;
    int (*run)(void);
    int (*run_observed)(void);
};

extern const struct edge_model edge_model;

/* Called by run_observed() behind layer number (from 1, as in <name>.c's comments). */
void edge_after_layer(uint32_t number);

#endif
