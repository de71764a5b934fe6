/* The Arm run-time ABI's names for memory.c (IHI0043, 4.3.4): arguments of memset swapped. */
#include <stddef.h>

void *memcpy(void *to, const void *from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);

#define COPY(name, function) \
    void name(void *to, const void *from, size_t bytes); \
    void name(void *to, const void *from, size_t bytes) { function(to, from, bytes); }
#define SET(name) \
    void name(void *to, size_t bytes, int value); \
    void name(void *to, size_t bytes, int value) { memset(to, value, bytes); }
#define CLEAR(name) \
    void name(void *to, size_t bytes); \
    void name(void *to, size_t bytes) { memset(to, 0, bytes); }

COPY(__aeabi_memcpy, memcpy)
COPY(__aeabi_memcpy4, memcpy)
COPY(__aeabi_memcpy8, memcpy)
COPY(__aeabi_memmove, memmove)
COPY(__aeabi_memmove4, memmove)
COPY(__aeabi_memmove8, memmove)
SET(__aeabi_memset)
SET(__aeabi_memset4)
SET(__aeabi_memset8)
CLEAR(__aeabi_memclr)
CLEAR(__aeabi_memclr4)
CLEAR(__aeabi_memclr8)
