/* memcpy, memmove, memset, memcmp for freestanding code: word by word where alignment allows.
 * Linked only where the model, or the code that the compiler makes of it, calls them. */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);

typedef uint32_t __attribute__((may_alias)) word;

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    uint8_t *d = to;
    const uint8_t *s = from;
    if ((((uintptr_t)d | (uintptr_t)s) & 3u) == 0) {
        for (; bytes >= 16; bytes -= 16, d += 16, s += 16) {
            const word *x = (const word *)s;
            word *y = (word *)d;
            uint32_t w0 = x[0], w1 = x[1], w2 = x[2], w3 = x[3];
            y[0] = w0;
            y[1] = w1;
            y[2] = w2;
            y[3] = w3;
        }
        for (; bytes >= 4; bytes -= 4, d += 4, s += 4)
            *(word *)d = *(const word *)s;
    }
    while (bytes--)
        *d++ = *s++;
    return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    uint8_t *d = to;
    const uint8_t *s = from;
    if ((uintptr_t)d - (uintptr_t)s >= bytes)
        return memcpy(to, from, bytes);
    while (bytes--)
        d[bytes] = s[bytes];
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    uint8_t *d = to;
    uint32_t pattern = (uint8_t)value;
    pattern |= pattern << 8;
    pattern |= pattern << 16;
    for (; bytes && ((uintptr_t)d & 3u); bytes--)
        *d++ = (uint8_t)value;
    for (; bytes >= 4; bytes -= 4, d += 4)
        *(word *)d = pattern;
    while (bytes--)
        *d++ = (uint8_t)value;
    return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
    const uint8_t *x = a, *y = b;
    for (; bytes; bytes--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}
