/* The command set of MLPerf Tiny's runner, instead of edgetool's own protocol.
 *
 * Source: github.com/mlcommons/tiny, benchmark/api/internally_implemented.cpp (commands and
 * messages) and benchmark/runner/device_under_test.py (what the runner sends and reads), in
 * performance mode: 115200 baud, timestamps as m-lap-us messages.  Commands end with '%':
 *
 *   name · profile · timestamp · help
 *   db load N · db HH[HH]* · db print
 *   infer N [W] · results
 *
 * Written anew from these; no line of the benchmark's code is in it. */
#ifndef EDGE_MLPERF_H
#define EDGE_MLPERF_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How the bytes of the runner's input files become the model's int8 input. */
enum edge_mlperf_input {
    EDGE_MLPERF_INT8 = 0,   /* kws01: as they are */
    EDGE_MLPERF_UINT8 = 1,  /* ic01, vww01: pixels, less 128 */
    EDGE_MLPERF_FLOAT32 = 2 /* ad01: quantized here; the result is the reconstruction's error */
};

/* raw: for EDGE_MLPERF_FLOAT32 four bytes an element, else NULL.  Scales and zero points are the
 * model's. */
struct edge_mlperf_model {
    const char *version; /* "kws01" */
    uint8_t input;
    uint8_t *raw;
    float input_scale;
    int32_t input_zero_point;
    float output_scale;
    int32_t output_zero_point;
};

extern const struct edge_mlperf_model edge_mlperf_model;

/* Starts board and counter and says that it is ready.  Once. */
void edge_mlperf_start(void);

/* Takes what has arrived; for a main loop of one's own. */
void edge_mlperf_poll(void);

/* Start and poll for ever. */
void edge_mlperf_main(void);

#ifdef __cplusplus
}
#endif

#endif
