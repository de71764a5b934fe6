#include "concat_rows.h"

#include <stdarg.h>

static int32_t total(const int32_t *row_bytes, int32_t count)
{
    int32_t sum = 0;
    for (int32_t n = 0; n < count; n++) {
        sum += row_bytes[n];
    }
    return sum;
}

int concat_rows(const concat_rows_params *p, const int32_t *row_bytes, void *out, ...)
{
    if (!p || !row_bytes || !out || p->outer < 0 || p->inputs < 1) {
        return EDGE_BAD_ARG;
    }
    const int32_t stride = total(row_bytes, p->inputs);
    uint8_t *column = out;
    va_list inputs;
    va_start(inputs, out);
    for (int32_t n = 0; n < p->inputs; n++) {
        const uint8_t *in = va_arg(inputs, const void *);
        for (int32_t block = 0; block < p->outer; block++) {
            memcpy(column + block * stride, in + block * row_bytes[n], (size_t)row_bytes[n]);
        }
        column += row_bytes[n];
    }
    va_end(inputs);
    return EDGE_OK;
}
