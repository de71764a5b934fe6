/* 64-bit division for RV32IM with clang, whose own run-time library takes up to a minute to build;
 * the compiler does 64-bit products and shifts itself.  gcc brings libgcc.
 * Division by zero gives quotient 0, remainder n. */
#include <stdint.h>

uint64_t __udivdi3(uint64_t n, uint64_t d);
uint64_t __umoddi3(uint64_t n, uint64_t d);
int64_t __divdi3(int64_t n, int64_t d);
int64_t __moddi3(int64_t n, int64_t d);

static uint64_t divide(uint64_t n, uint64_t d, uint64_t *remainder)
{
    uint64_t quotient = 0, bit = 1;
    *remainder = n;
    if (d == 0)
        return 0;
    for (; d <= (n >> 1); d <<= 1)
        bit <<= 1;
    for (; bit; bit >>= 1, d >>= 1)
        if (*remainder >= d) {
            *remainder -= d;
            quotient |= bit;
        }
    return quotient;
}

static uint64_t magnitude(int64_t value)
{
    return value < 0 ? 0u - (uint64_t)value : (uint64_t)value;
}

uint64_t __udivdi3(uint64_t n, uint64_t d)
{
    uint64_t remainder;
    return divide(n, d, &remainder);
}

uint64_t __umoddi3(uint64_t n, uint64_t d)
{
    uint64_t remainder;
    divide(n, d, &remainder);
    return remainder;
}

int64_t __divdi3(int64_t n, int64_t d)
{
    uint64_t remainder, quotient = divide(magnitude(n), magnitude(d), &remainder);
    return (int64_t)((n < 0) != (d < 0) ? 0u - quotient : quotient);
}

int64_t __moddi3(int64_t n, int64_t d)
{
    uint64_t remainder;
    divide(magnitude(n), magnitude(d), &remainder);
    return (int64_t)(n < 0 ? 0u - remainder : remainder);
}
