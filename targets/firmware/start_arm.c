/* Start-up of a Cortex-M without a vendor's: vectors, variables, coprocessors, faults.
 * In a vendor's project this file is left out: its own start-up code does the same. */
#include <stdint.h>

#include "edge_session.h"

#define AIRCR (*(volatile uint32_t *)0xE000ED0Cu)
#define CCR (*(volatile uint32_t *)0xE000ED14u)
#define CFSR (*(volatile uint32_t *)0xE000ED28u)
#define HFSR (*(volatile uint32_t *)0xE000ED2Cu)
#define BFAR (*(volatile uint32_t *)0xE000ED38u)
#define VTOR (*(volatile uint32_t *)0xE000ED08u)
#define CPACR (*(volatile uint32_t *)0xE000ED88u)
#define RESET_KEY 0x05FA0004u /* VECTKEY and SYSRESETREQ, DDI 0403 B3.2.6 */

extern uint32_t edge_data_load[], edge_data_start[], edge_data_end[];
extern uint32_t edge_bss_start[], edge_bss_end[], edge_stack_top[];

extern void *const edge_vectors[];

int main(void);
void edge_start(void);
void edge_systick(void);

/* A port overrides it where SysTick is its counter. */
__attribute__((weak)) void edge_systick(void)
{
}

static void enable_coprocessors(void)
{
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    CPACR |= 0xFu << 20;
#endif
#if defined(__ARM_FEATURE_MVE)
    CCR |= 1u << 19; /* LOB: low-overhead loops, Armv8.1-M reference manual */
#endif
#if defined(__ARM_ARCH_6M__)
    CCR |= 1u << 3; /* an Armv6-M core faults on unaligned access; one that stands in for it must too */
#endif
    __asm__ volatile("dsb\nisb" ::: "memory");
}

/* Plain loops over volatile words: they must not become calls of memcpy before .data is there. */
static void fill_variables(void)
{
    volatile uint32_t *to = edge_data_start;
    for (const uint32_t *from = edge_data_load; to < edge_data_end;)
        *to++ = *from++;
    for (to = edge_bss_start; to < edge_bss_end;)
        *to++ = 0;
}

/* A bootloader may have left interrupts on and its own table in place. */
__attribute__((used)) void edge_start(void)
{
    __asm__ volatile("cpsid i" ::: "memory");
#if !defined(__ARM_ARCH_6M__)
    VTOR = (uint32_t)edge_vectors;
#endif
    enable_coprocessors();
    fill_variables();
    main();
}

__attribute__((weak)) int main(void)
{
    edge_firmware_main();
    return 0;
}

/* frame: r0-r3, r12, lr, pc, xPSR as the processor pushed them. */
__attribute__((used, noreturn)) static void report_fault(const uint32_t *frame)
{
#if defined(__ARM_ARCH_6M__)
    edge_firmware_fault(0, frame[6], frame[5], 0); /* Armv6-M has no fault status */
#else
    edge_firmware_fault(CFSR ? CFSR : HFSR, frame[6], frame[5], BFAR);
#endif
    AIRCR = RESET_KEY;
    for (;;)
        ;
}

/* The stack may be what is broken: start it anew, with the frame still above. */
__attribute__((naked)) static void fault(void)
{
    __asm__ volatile("mov r0, sp\n"
                     "ldr r1, =edge_stack_top\n"
                     "mov sp, r1\n"
                     "ldr r1, =%c0\n"
                     "bx r1\n"
                     ".ltorg" ::"i"(report_fault));
}

__attribute__((section(".vectors"), used)) void *const edge_vectors[16] = {
    edge_stack_top, edge_start, fault, fault, fault, fault, fault, fault,
    0, 0, 0, fault, fault, 0, fault, edge_systick,
};
