/* A generated model as main.c runs it; edgetool generates native_model.c, which defines
 * native_model. */
#ifndef EDGE_NATIVE_H
#define EDGE_NATIVE_H

#include <stddef.h>
#include <stdint.h>

/* name: in quotes, as JSON has it.   dtype: NumPy's word.   dims: ",1,10", the dimensions of one
 * sample. */
struct native_port {
    uint8_t *data;
    size_t bytes;
    const char *name;
    const char *dtype;
    const char *dims;
};

struct native_model {
    const struct native_port *inputs;
    const struct native_port *outputs;
    int input_count;
    int output_count;
    int (*run)(void);
};

extern const struct native_model native_model;

#endif
