/* model_3_upsampler: 3 operations, 3,840 multiply-accumulates.
 * arena: 944 bytes, at least 944 needed by grouped
 *        176      768  a 1x6x8x4
 *          0      768  b 1x6x8x4 over a
 */
#include "model_3_upsampler.h"

#include "model_3_upsampler_weights.h"
#include "kernels/edgetool_kernels.h"
#include "kernels/conv2d_f32.h"
#include "kernels/softmax_f32.h"
#include "kernels/transpose_conv2d_f32.h"

/* For who defines it: called behind each layer, with its number in the comments below. */
#ifndef EDGE_AFTER_LAYER
#define EDGE_AFTER_LAYER(number) ((void)0)
#endif

int model_3_upsampler_run(const float *input, float *output, uint8_t *arena)
{
    int status;

    if (!input || !output || !arena || ((uintptr_t)arena & 15u) != 0)
        return EDGE_BAD_ARG;

    /* 1. up: transpose_conv2d 1x3x4x2 -> 1x6x8x4, 384 MACs */
    {
        static const transpose_conv2d_f32_params p = {
            .in_height = 3, .in_width = 4, .in_channels = 2, .out_height = 6, .out_width = 8,
            .out_channels = 4, .kernel_height = 2, .kernel_width = 2, .stride_height = 2,
            .stride_width = 2, .pad_top = 0, .pad_left = 0, .out_min = 0.0f, .out_max = 6.0f,
        };
        status = transpose_conv2d_f32(&p, (const void *)input, model_3_upsampler_up_weights,
            model_3_upsampler_up_bias, (void *)(arena + 176));
        if (status != EDGE_OK)
            return status;
        EDGE_AFTER_LAYER(1);
    }

    /* 2. grouped: conv2d 1x6x8x4 -> 1x6x8x4, 3,456 MACs */
    {
        static const conv2d_f32_params p = {
            .in_height = 6, .in_width = 8, .in_channels = 4, .out_height = 6, .out_width = 8,
            .out_channels = 4, .kernel_height = 3, .kernel_width = 3, .stride_height = 1,
            .stride_width = 1, .dilation_height = 1, .dilation_width = 2, .pad_top = 1,
            .pad_left = 2, .groups = 2, .out_min = -EDGE_INFINITY, .out_max = EDGE_INFINITY,
        };
        status = conv2d_f32(&p, (const void *)(arena + 176),
            model_3_upsampler_grouped_weights, NULL, (void *)(arena + 0));
        if (status != EDGE_OK)
            return status;
        EDGE_AFTER_LAYER(2);
    }

    /* 3. softmax: softmax 1x6x8x4 -> 1x6x8x4 */
    {
        static const softmax_f32_params p = {
            .rows = 48, .depth = 4, .beta = 1.0f,
        };
        status = softmax_f32(&p, (const void *)(arena + 0), (void *)output);
        if (status != EDGE_OK)
            return status;
        EDGE_AFTER_LAYER(3);
    }

    return EDGE_OK;
}
