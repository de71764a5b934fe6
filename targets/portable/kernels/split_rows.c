#include "split_rows.h"

#include <stdarg.h>

static int32_t total(const int32_t *row_bytes, int32_t count)
{
    int32_t sum = 0;
    for (int32_t n = 0; n < count; n++) {
        sum += row_bytes[n];
    }
    return sum;
}

int split_rows(const split_rows_params *p, const int32_t *row_bytes, const void *in, ...)
{
    if (!p || !row_bytes || !in || p->outer < 0 || p->outputs < 1) {
        return EDGE_BAD_ARG;
    }
    const int32_t stride = total(row_bytes, p->outputs);
    const uint8_t *column = in;
    va_list outputs;
    va_start(outputs, in);
    for (int32_t n = 0; n < p->outputs; n++) {
        uint8_t *out = va_arg(outputs, void *);
        for (int32_t block = 0; block < p->outer; block++) {
            memcpy(out + block * row_bytes[n], column + block * stride, (size_t)row_bytes[n]);
        }
        column += row_bytes[n];
    }
    va_end(outputs);
    return EDGE_OK;
}
