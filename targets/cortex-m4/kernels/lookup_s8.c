#include "lookup_s8.h"

#include "edge_dsp_bytes.h"

int lookup_s8(const lookup_s8_params *p, const int8_t *in, const int8_t *table, int8_t *out)
{
    if (!p || !in || !table || !out || p->elements < 0)
        return EDGE_BAD_ARG;
    int32_t left = p->elements;
    for (; left >= 4; left -= 4, in += 4, out += 4) {
        const uint32_t codes = edge_load_word(in) ^ 0x80808080u; /* plus 128 each */
        const int8_t first = table[codes & 0xffu], second = table[codes >> 8 & 0xffu];
        const int8_t third = table[codes >> 16 & 0xffu], fourth = table[codes >> 24];
        out[0] = first;
        out[1] = second;
        out[2] = third;
        out[3] = fourth;
    }
    for (; left > 0; left--)
        *out++ = table[*in++ + 128];
    return EDGE_OK;
}
