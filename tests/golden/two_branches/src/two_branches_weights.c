#include "two_branches_weights.h"

const int32_t two_branches_concat_row_bytes[2] = {
    2, 2,
};
