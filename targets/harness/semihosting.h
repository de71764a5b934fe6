/* Semihosting: the emulated program reads and writes files of the machine that runs the emulator.
 * Arm "Semihosting for AArch32 and AArch64" and "RISC-V Semihosting": same calls, other trap. */
#ifndef EDGE_SEMIHOSTING_H
#define EDGE_SEMIHOSTING_H

#include <stdint.h>

enum { EDGE_READ_BINARY = 1, EDGE_WRITE_BINARY = 5 };

static inline int32_t edge_semihost(uint32_t operation, const void *block)
{
#if defined(__riscv)
    register uint32_t a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = block;
    /* The three instructions must be uncompressed, and on one page where there is paging. */
    __asm__ volatile(".option push\n.option norvc\n"
                     "slli x0, x0, 0x1f\nebreak\nsrai x0, x0, 7\n.option pop"
                     : "+r"(a0) : "r"(a1) : "memory");
    return (int32_t)a0;
#else
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = block;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return (int32_t)r0;
#endif
}

/* name: zero-terminated, length without the zero.  Returns a handle, -1 on failure. */
static inline int32_t edge_open(const char *name, uint32_t length, uint32_t mode)
{
    const uint32_t block[3] = {(uint32_t)(uintptr_t)name, mode, length};
    return edge_semihost(0x01, block);
}

/* Returns the number of bytes NOT transferred: 0 is success. */
static inline int32_t edge_read(int32_t handle, void *to, uint32_t bytes)
{
    const uint32_t block[3] = {(uint32_t)handle, (uint32_t)(uintptr_t)to, bytes};
    return edge_semihost(0x06, block);
}

static inline int32_t edge_write(int32_t handle, const void *from, uint32_t bytes)
{
    const uint32_t block[3] = {(uint32_t)handle, (uint32_t)(uintptr_t)from, bytes};
    return edge_semihost(0x05, block);
}

static inline void edge_exit(uint32_t code)
{
    const uint32_t application_exit = 0x20026;
    const uint32_t block[2] = {application_exit, code};
    for (;;)
        edge_semihost(0x20, block);
}

#endif
