/* classifier: 4 operations, 2,112 multiply-accumulates.
 * arena: 306 bytes, at least 306 needed by conv/first
 *          0       96  a 1x4x4x6
 *          0       96  b 1x4x4x6 over a
 *          0       96  flat 1x96
 *         96           scratch of conv/first
 *         96           scratch of depthwise
 */
#include "classifier.h"

#include "classifier_weights.h"
#include "kernels/edgetool_kernels.h"
#include "kernels/conv2d_blocks_s8.h"
#include "kernels/depthwise_conv2d_planes_s8.h"
#include "kernels/fully_connected_s8.h"

/* For who defines it: called behind each layer, with its number in the comments below. */
#ifndef EDGE_AFTER_LAYER
#define EDGE_AFTER_LAYER(number) ((void)0)
#endif

int classifier_run(const int8_t *input, int8_t *output, uint8_t *arena)
{
    int status;

    if (!input || !output || !arena || ((uintptr_t)arena & 15u) != 0)
        return EDGE_BAD_ARG;

    /* 1. conv/first: conv2d 1x8x8x1 -> 1x4x4x6, 864 MACs */
    {
        static const conv2d_blocks_s8_params p = {
            .in_height = 8, .in_width = 8, .in_channels = 1, .out_height = 4, .out_width = 4,
            .out_channels = 6, .kernel_height = 3, .kernel_width = 3, .stride_height = 2,
            .stride_width = 2, .dilation_height = 1, .dilation_width = 1, .pad_top = 0,
            .pad_left = 0, .in_zero_point = 3, .segment_taps = 12, .segments = 1,
            .out_zero_point = -128, .out_min = -128, .out_max = 127, .tail = 0, .split = 0,
            .limit = 0,
        };
        status = conv2d_blocks_s8(&p, input, classifier_conv_first_weights,
            classifier_conv_first_bias, classifier_conv_first_multipliers,
            classifier_conv_first_shifts, (void *)(arena + 96), (void *)(arena + 0));
        if (status != EDGE_OK)
            return status;
        EDGE_AFTER_LAYER(1);
    }

    /* 2. depthwise: depthwise_conv2d 1x4x4x6 -> 1x4x4x6, 864 MACs */
    {
        static const depthwise_conv2d_planes_s8_params p = {
            .in_height = 4, .in_width = 4, .in_channels = 6, .out_height = 4, .out_width = 4,
            .out_channels = 6, .kernel_height = 3, .kernel_width = 3, .stride_height = 1,
            .stride_width = 1, .dilation_height = 1, .dilation_width = 1, .pad_top = 1,
            .pad_left = 1, .in_zero_point = -128, .in_row_step = 24, .in_column_step = 6,
            .out_row_step = 24, .out_column_step = 6, .strip_rows = 4, .plane_width = 6,
            .out_zero_point = -128, .out_min = -128, .out_max = 127, .tail = 0, .split = 0,
            .limit = 0,
        };
        status = depthwise_conv2d_planes_s8(&p, (const void *)(arena + 0),
            classifier_depthwise_weights, classifier_depthwise_bias,
            classifier_depthwise_multipliers, classifier_depthwise_shifts, (void *)(arena + 96),
            (void *)(arena + 0));
        if (status != EDGE_OK)
            return status;
        EDGE_AFTER_LAYER(2);
    }

    /* 3. flatten: reshape 1x4x4x6 -> 1x96: a view, nothing to do */

    /* 4. dense: fully_connected 1x96 -> 1x4, 384 MACs */
    {
        static const fully_connected_s8_params p = {
            .rows = 1, .in_size = 96, .out_size = 4, .out_zero_point = 10, .out_min = -128,
            .out_max = 127, .per_channel = 0,
        };
        status = fully_connected_s8(&p, (const void *)(arena + 0), classifier_dense_weights,
            classifier_dense_bias, classifier_dense_multipliers, classifier_dense_shifts, output);
        if (status != EDGE_OK)
            return status;
        EDGE_AFTER_LAYER(4);
    }

    return EDGE_OK;
}
