/* The part of CMSIS-NN's interface that benchmarks/cortex_m calls, for a stand-in of our own. */
#ifndef ARM_NNFUNCTIONS_H
#define ARM_NNFUNCTIONS_H

#include <stdint.h>

typedef enum { ARM_CMSIS_NN_SUCCESS = 0 } arm_cmsis_nn_status;
typedef struct { int32_t w, h; } cmsis_nn_tile;
typedef struct { int32_t min, max; } cmsis_nn_activation;
typedef struct { int32_t n, h, w, c; } cmsis_nn_dims;
typedef struct { void *buf; int32_t size; } cmsis_nn_context;
typedef struct { int32_t *multiplier, *shift; } cmsis_nn_per_channel_quant_params;
typedef struct { int32_t multiplier, shift; } cmsis_nn_per_tensor_quant_params;
typedef struct {
    int32_t input_offset, output_offset;
    cmsis_nn_tile stride, padding, dilation;
    cmsis_nn_activation activation;
} cmsis_nn_conv_params;
typedef struct {
    int32_t input_offset, output_offset, ch_mult;
    cmsis_nn_tile stride, padding, dilation;
    cmsis_nn_activation activation;
} cmsis_nn_dw_conv_params;
typedef struct {
    cmsis_nn_tile stride, padding;
    cmsis_nn_activation activation;
} cmsis_nn_pool_params;
typedef struct {
    int32_t input_offset, filter_offset, output_offset;
    cmsis_nn_activation activation;
} cmsis_nn_fc_params;

arm_cmsis_nn_status arm_convolve_wrapper_s8(
    const cmsis_nn_context *context, const cmsis_nn_conv_params *p,
    const cmsis_nn_per_channel_quant_params *q, const cmsis_nn_dims *in_dims, const int8_t *in,
    const cmsis_nn_dims *filter_dims, const int8_t *filter, const cmsis_nn_dims *bias_dims,
    const int32_t *bias, const cmsis_nn_dims *out_dims, int8_t *out);
arm_cmsis_nn_status arm_depthwise_conv_wrapper_s8(
    const cmsis_nn_context *context, const cmsis_nn_dw_conv_params *p,
    const cmsis_nn_per_channel_quant_params *q, const cmsis_nn_dims *in_dims, const int8_t *in,
    const cmsis_nn_dims *filter_dims, const int8_t *filter, const cmsis_nn_dims *bias_dims,
    const int32_t *bias, const cmsis_nn_dims *out_dims, int8_t *out);
arm_cmsis_nn_status arm_fully_connected_s8(
    const cmsis_nn_context *context, const cmsis_nn_fc_params *p,
    const cmsis_nn_per_tensor_quant_params *q, const cmsis_nn_dims *in_dims, const int8_t *in,
    const cmsis_nn_dims *filter_dims, const int8_t *filter, const cmsis_nn_dims *bias_dims,
    const int32_t *bias, const cmsis_nn_dims *out_dims, int8_t *out);
arm_cmsis_nn_status arm_avgpool_s8(
    const cmsis_nn_context *context, const cmsis_nn_pool_params *p, const cmsis_nn_dims *in_dims,
    const int8_t *in, const cmsis_nn_dims *filter_dims, const cmsis_nn_dims *out_dims,
    int8_t *out);
arm_cmsis_nn_status arm_elementwise_add_s8(
    const int8_t *a, const int8_t *b, int32_t a_offset, int32_t a_multiplier, int32_t a_shift,
    int32_t b_offset, int32_t b_multiplier, int32_t b_shift, int32_t left_shift, int8_t *out,
    int32_t out_offset, int32_t out_multiplier, int32_t out_shift, int32_t low, int32_t high,
    int32_t elements);

#endif
