#ifndef CLASSIFIER_WEIGHTS_H
#define CLASSIFIER_WEIGHTS_H

#include "kernels/edgetool_kernels.h"

extern const int8_t classifier_conv_first_weights[96] EDGE_ALIGNED(4);
extern const int32_t classifier_conv_first_bias[8];
extern const int32_t classifier_conv_first_multipliers[8];
extern const int8_t classifier_conv_first_shifts[8] EDGE_ALIGNED(4);
extern const int8_t classifier_depthwise_weights[54] EDGE_ALIGNED(4);
extern const int32_t classifier_depthwise_bias[6];
extern const int32_t classifier_depthwise_multipliers[6];
extern const int8_t classifier_depthwise_shifts[6] EDGE_ALIGNED(4);
extern const int8_t classifier_dense_weights[384] EDGE_ALIGNED(4);
extern const int32_t classifier_dense_bias[4];
extern const uint64_t classifier_dense_multipliers[1];
extern const int8_t classifier_dense_shifts[1] EDGE_ALIGNED(4);

#endif
