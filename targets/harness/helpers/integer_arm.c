/* 32- and 64-bit integer helpers of the Arm run-time ABI (IHI0043, 4.3) for clang, whose own
 * run-time library takes up to a minute to build.  gcc brings libgcc.
 * Quotient and remainder come back in r0-r3 together, which C cannot say: hence the trampolines. */
#include <stdint.h>

struct quotient32 {
    uint32_t quotient, remainder;
};
struct quotient64 {
    uint64_t quotient, remainder;
};

uint64_t __aeabi_lmul(uint64_t a, uint64_t b);
uint64_t __aeabi_llsl(uint64_t value, int shift);
uint64_t __aeabi_llsr(uint64_t value, int shift);
int64_t __aeabi_lasr(int64_t value, int shift);
uint32_t __aeabi_uidiv(uint32_t n, uint32_t d);
int32_t __aeabi_idiv(int32_t n, int32_t d);

static inline uint64_t join(uint32_t low, uint32_t high)
{
    return ((uint64_t)high << 32) | low;
}

/* Schoolbook on 16-bit halves: Armv6-M multiplies 32 x 32 → 32 only. */
uint64_t __aeabi_lmul(uint64_t a, uint64_t b)
{
    uint32_t a0 = (uint32_t)a, b0 = (uint32_t)b;
    uint32_t a_low = a0 & 0xffff, a_high = a0 >> 16, b_low = b0 & 0xffff, b_high = b0 >> 16;
    uint32_t low = a_low * b_low, middle = a_high * b_low, other = a_low * b_high;
    uint32_t high = a_high * b_high + (uint32_t)(a >> 32) * b0 + a0 * (uint32_t)(b >> 32);
    uint32_t sum = middle + other;
    high += (uint32_t)(sum < middle) << 16;
    uint32_t result = low + (sum << 16);
    high += (sum >> 16) + (result < low);
    return join(result, high);
}

uint64_t __aeabi_llsl(uint64_t value, int shift)
{
    uint32_t low = (uint32_t)value, high = (uint32_t)(value >> 32);
    if (shift >= 32)
        return join(0, low << (shift - 32));
    return shift ? join(low << shift, high << shift | low >> (32 - shift)) : value;
}

uint64_t __aeabi_llsr(uint64_t value, int shift)
{
    uint32_t low = (uint32_t)value, high = (uint32_t)(value >> 32);
    if (shift >= 32)
        return join(high >> (shift - 32), 0);
    return shift ? join(low >> shift | high << (32 - shift), high >> shift) : value;
}

int64_t __aeabi_lasr(int64_t value, int shift)
{
    uint32_t low = (uint32_t)value;
    int32_t high = (int32_t)(value >> 32);
    if (shift >= 32)
        return (int64_t)join((uint32_t)(high >> (shift - 32)), (uint32_t)(high >> 31));
    if (shift == 0)
        return value;
    return (int64_t)join(low >> shift | (uint32_t)high << (32 - shift), (uint32_t)(high >> shift));
}

/* Division by zero gives quotient 0, remainder n. */
__attribute__((used)) static struct quotient32 divide32(uint32_t n, uint32_t d)
{
    struct quotient32 result = {0, n};
    uint32_t bit = 1;
    if (d == 0)
        return result;
    for (; d <= (n >> 1); d <<= 1)
        bit <<= 1;
    for (; bit; bit >>= 1, d >>= 1)
        if (result.remainder >= d) {
            result.remainder -= d;
            result.quotient |= bit;
        }
    return result;
}

__attribute__((used)) void edge_divide_unsigned32(uint32_t n, uint32_t d, struct quotient32 *to)
{
    *to = divide32(n, d);
}

__attribute__((used)) void edge_divide_signed32(int32_t n, int32_t d, struct quotient32 *to)
{
    struct quotient32 r =
        divide32(n < 0 ? 0u - (uint32_t)n : (uint32_t)n, d < 0 ? 0u - (uint32_t)d : (uint32_t)d);
    to->quotient = (n < 0) != (d < 0) ? 0u - r.quotient : r.quotient;
    to->remainder = n < 0 ? 0u - r.remainder : r.remainder;
}

uint32_t __aeabi_uidiv(uint32_t n, uint32_t d)
{
    return divide32(n, d).quotient;
}

int32_t __aeabi_idiv(int32_t n, int32_t d)
{
    struct quotient32 result;
    edge_divide_signed32(n, d, &result);
    return (int32_t)result.quotient;
}

static struct quotient64 divide64(uint64_t n, uint64_t d)
{
    struct quotient64 result = {0, n};
    uint64_t bit = 1;
    if (d == 0)
        return result;
    for (; d <= (n >> 1); d <<= 1)
        bit <<= 1;
    for (; bit; bit >>= 1, d >>= 1)
        if (result.remainder >= d) {
            result.remainder -= d;
            result.quotient |= bit;
        }
    return result;
}

__attribute__((used)) void edge_divide_unsigned64(uint64_t n, uint64_t d, struct quotient64 *to)
{
    *to = divide64(n, d);
}

__attribute__((used)) void edge_divide_signed64(int64_t n, int64_t d, struct quotient64 *to)
{
    struct quotient64 r =
        divide64(n < 0 ? 0u - (uint64_t)n : (uint64_t)n, d < 0 ? 0u - (uint64_t)d : (uint64_t)d);
    to->quotient = (n < 0) != (d < 0) ? 0u - r.quotient : r.quotient;
    to->remainder = n < 0 ? 0u - r.remainder : r.remainder;
}

#define DIVMOD32(name, function) \
    __attribute__((naked)) void name(void); \
    __attribute__((naked)) void name(void) \
    { \
        __asm__ volatile("push {r4, lr}\nsub sp, #8\nmov r2, sp\nbl " function "\n" \
                         "ldr r0, [sp]\nldr r1, [sp, #4]\nadd sp, #8\npop {r4, pc}"); \
    }
#define DIVMOD64(name, function) \
    __attribute__((naked)) void name(void); \
    __attribute__((naked)) void name(void) \
    { \
        __asm__ volatile("push {r4, lr}\nsub sp, #24\nadd r4, sp, #8\nstr r4, [sp]\n" \
                         "bl " function "\n" \
                         "ldr r0, [sp, #8]\nldr r1, [sp, #12]\n" \
                         "ldr r2, [sp, #16]\nldr r3, [sp, #20]\n" \
                         "add sp, #24\npop {r4, pc}"); \
    }

DIVMOD32(__aeabi_uidivmod, "edge_divide_unsigned32")
DIVMOD32(__aeabi_idivmod, "edge_divide_signed32")
DIVMOD64(__aeabi_uldivmod, "edge_divide_unsigned64")
DIVMOD64(__aeabi_ldivmod, "edge_divide_signed64")
