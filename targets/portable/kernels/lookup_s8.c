#include "lookup_s8.h"

int lookup_s8(const lookup_s8_params *p, const int8_t *in, const int8_t *table, int8_t *out)
{
    if (!p || !in || !table || !out || p->elements < 0) {
        return EDGE_BAD_ARG;
    }
    const int8_t *const middle = table + 128;
    for (const int8_t *const end = in + p->elements; in != end;) {
        *out++ = middle[*in++];
    }
    return EDGE_OK;
}
