#ifndef MODEL_3_UPSAMPLER_WEIGHTS_H
#define MODEL_3_UPSAMPLER_WEIGHTS_H

#include "kernels/edgetool_kernels.h"

extern const float model_3_upsampler_up_weights[32];
extern const float model_3_upsampler_up_bias[4];
extern const float model_3_upsampler_grouped_weights[72];

#endif
