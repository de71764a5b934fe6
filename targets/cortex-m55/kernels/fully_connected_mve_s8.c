#include "fully_connected_mve_s8.h"

#include "edge_mve_dot.h"

static int is_valid(const fully_connected_mve_s8_params *p)
{
    return p->rows > 0 && p->in_size > 0 && p->out_size > 0 && p->depth >= p->in_size &&
           p->depth >= EDGE_VECTOR && p->left_shift >= 0 && p->left_shift <= 31 &&
           edge_is_s8(p->out_zero_point) && edge_is_s8(p->out_min) && edge_is_s8(p->out_max) &&
           p->out_min <= p->out_max;
}

int fully_connected_mve_s8(const fully_connected_mve_s8_params *p, const int8_t *in,
                           const uint32_t *weights, int8_t *out, void *scratch)
{
    if (!p || !in || !weights || !out || !scratch || !is_valid(p))
        return EDGE_BAD_ARG;
    edge_dot_layer layer = {weights, 0, 0, 0, EDGE_TAIL_PRECISE, p->out_size, p->out_zero_point,
                            p->out_min, p->out_max, p->left_shift};
    edge_dot_run run = {in, p->in_size, out, p->rows};
    edge_dot_set_depth(&layer, p->depth);
    if (p->depth == p->in_size) {
        edge_dot(&layer, &run);
        return EDGE_OK;
    }
    run.pixels = scratch; /* what lies behind the row there meets weights of zero */
    run.count = 1;
    for (int32_t row = 0; row < p->rows; row++, in += p->in_size, run.out += p->out_size) {
        edge_copy(scratch, in, p->in_size);
        edge_dot(&layer, &run);
    }
    return EDGE_OK;
}
