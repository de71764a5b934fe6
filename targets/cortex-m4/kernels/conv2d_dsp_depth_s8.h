#ifndef CONV2D_DSP_DEPTH_S8_H
#define CONV2D_DSP_DEPTH_S8_H

#include "edge_dsp_conv2d.h"

typedef edge_dsp_conv2d_params conv2d_dsp_depth_s8_params;

/* conv2d_dsp_s8 or conv2d_dsp_wide_s8 for one depth and one tail. Not one function but a family:
 * each is an instance of conv2d_dsp_depth_s8_body.h. Arguments, and what p->tail may be, are those
 * of edge_dsp_conv2d.
 * Returns EDGE_OK or EDGE_BAD_ARG, which another depth or tail is too; writes nothing on
 * EDGE_BAD_ARG. */
#define CONV2D_DSP_DEPTH_S8_PROTOTYPE(name) \
    int name(const conv2d_dsp_depth_s8_params *p, const int8_t *in, const uint32_t *weights, \
             int8_t *out, void *scratch)

#endif
