#include "lookup_s8.h"

int lookup_s8(const lookup_s8_params *p, const int8_t *in, const int8_t *table, int8_t *out)
{
    if (!p || !in || !table || !out || p->elements < 0) {
        return EDGE_BAD_ARG;
    }
    for (int32_t n = 0; n < p->elements; n++) {
        out[n] = table[in[n] + 128];
    }
    return EDGE_OK;
}
