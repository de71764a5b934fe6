#include "add_line_s8.h"

#include "edge_mve.h"

#include <arm_mve.h>

/* Up to the end of a row, 4 elements at once.   a and b: elements that follow each other. */
static void add_vectors(const add_line_s8_params *p, const int8_t *a, const int8_t *b, int8_t *out)
{
    const int32x4_t low = vdupq_n_s32(p->low), high = vdupq_n_s32(p->high);
    __asm__ volatile(
        "wlstp.32 lr, %[count], 2f\n"
        "1: vldrb.s32 q0, [%[a]], #4\n"
        "vldrb.s32 q1, [%[b]], #4\n"
        "vmul.i32 q0, q0, %[a_factor]\n"
        "vmla.s32 q0, q1, %[b_factor]\n"
        "vadd.i32 q0, q0, %[offset]\n"
        "vshl.s32 q0, %[shift]\n"
        "vmax.s32 q0, q0, %q[low]\n"
        "vmin.s32 q0, q0, %q[high]\n"
        "vstrb.32 q0, [%[out]], #4\n"
        "letp lr, 1b\n"
        "2:\n"
        : [a] "+l"(a), [b] "+l"(b), [out] "+l"(out)
        : [count] "r"(p->dims[3]), [a_factor] "r"(p->a_factor), [b_factor] "r"(p->b_factor),
          [offset] "r"(p->offset), [shift] "r"(-p->shift), [low] "w"(low), [high] "w"(high)
        : "q0", "q1", "lr", "memory");
}

/* Operands that repeat, or skip elements. */
static void add_elements(const add_line_s8_params *p, const int8_t *a, const int8_t *b,
                         int8_t *out)
{
    for (const int8_t *end = out + p->dims[3]; out != end;) {
        const int32_t sum = *a * p->a_factor + p->offset + *b * p->b_factor;
        *out++ = (int8_t)edge_clamp(sum >> p->shift, p->low, p->high);
        a += p->a_strides[3];
        b += p->b_strides[3];
    }
}

static void add_row(const add_line_s8_params *p, const int8_t *a, const int8_t *b, int8_t *out)
{
    if (p->a_strides[3] == 1 && p->b_strides[3] == 1)
        add_vectors(p, a, b, out);
    else
        add_elements(p, a, b, out);
}

static int is_valid(const add_line_s8_params *p)
{
    return p->shift >= 0 && p->shift <= 31 && edge_is_s8(p->low) && edge_is_s8(p->high) &&
           p->low <= p->high;
}

int add_line_s8(const add_line_s8_params *p, const int8_t *a, const int8_t *b, int8_t *out)
{
    if (!p || !a || !b || !out || !is_valid(p))
        return EDGE_BAD_ARG;
    for (int32_t i = 0; i < p->dims[0]; i++) {
        for (int32_t j = 0; j < p->dims[1]; j++) {
            for (int32_t k = 0; k < p->dims[2]; k++) {
                add_row(p, a + i * p->a_strides[0] + j * p->a_strides[1] + k * p->a_strides[2],
                        b + i * p->b_strides[0] + j * p->b_strides[1] + k * p->b_strides[2], out);
                out += p->dims[3];
            }
        }
    }
    return EDGE_OK;
}
