#ifndef TWO_BRANCHES_WEIGHTS_H
#define TWO_BRANCHES_WEIGHTS_H

#include "kernels/edgetool_kernels.h"

extern const int32_t two_branches_concat_row_bytes[2];

#endif
