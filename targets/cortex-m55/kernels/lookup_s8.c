#include "lookup_s8.h"

#include "edge_mve.h"

#include <arm_mve.h>

#define BIAS 128 /* from codes to places in the table */

int lookup_s8(const lookup_s8_params *p, const int8_t *in, const int8_t *table, int8_t *out)
{
    if (!p || !in || !table || !out || p->elements < 0)
        return EDGE_BAD_ARG;
    for (int32_t left = p->elements; left > 0; left -= EDGE_VECTOR) {
        const mve_pred16_t some = vctp8q((uint32_t)left);
        const uint8x16_t places =
            vaddq_n_u8(vreinterpretq_u8_s8(vldrbq_z_s8(in, some)), BIAS);
        vstrbq_p_s8(out, vldrbq_gather_offset_z_s8(table, places, some), some);
        in += EDGE_VECTOR;
        out += EDGE_VECTOR;
    }
    return EDGE_OK;
}
