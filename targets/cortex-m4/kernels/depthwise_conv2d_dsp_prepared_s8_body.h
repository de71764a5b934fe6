/* One instance of depthwise_conv2d_dsp_prepared_s8.h: the same macros. */
#include "depthwise_conv2d_dsp_s8_body.h"
