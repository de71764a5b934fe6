/* Cortex-M start-up: vectors, coprocessors on, faults reported, the call on the model's stack.
 * The emulator loads .data and clears .bss itself. */
#include "harness.h"

#define CCR (*(volatile uint32_t *)0xE000ED14u)
#define CFSR (*(volatile uint32_t *)0xE000ED28u)
#define HFSR (*(volatile uint32_t *)0xE000ED2Cu)
#define BFAR (*(volatile uint32_t *)0xE000ED38u)
#define CPACR (*(volatile uint32_t *)0xE000ED88u)

extern uint32_t edge_harness_stack_top[];
void _start(void);

static void enable_coprocessors(void)
{
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    CPACR |= 0xFu << 20;
#endif
#if defined(__ARM_FEATURE_MVE)
    CCR |= 1u << 19; /* LOB: low-overhead loops, Armv8.1-M reference manual */
#endif
#if defined(__ARM_ARCH_6M__)
    CCR |= 1u << 3; /* an M0+ faults on unaligned access; the M3 that stands in for it must too */
#endif
    __asm__ volatile("dsb\nisb" ::: "memory");
}

__attribute__((used)) void _start(void)
{
    enable_coprocessors();
    main();
}

/* frame: r0-r3, r12, lr, pc, xPSR as the processor pushed them. */
__attribute__((used, noreturn)) static void report_frame(const uint32_t *frame)
{
    edge_report_fault(CFSR, frame[6], frame[5], BFAR, HFSR);
    for (;;)
        ;
}

/* The harness's stack is good whatever the model did to its own. */
__attribute__((naked)) static void fault(void)
{
    __asm__ volatile("mov r0, sp\n"
                     "ldr r1, =edge_harness_stack_top\n"
                     "mov sp, r1\n"
                     "ldr r1, =%c0\n"
                     "bx r1\n"
                     ".ltorg" ::"i"(report_frame));
}

__attribute__((naked, noinline)) int edge_call_on_stack(edge_run *run, const void *input,
                                                        void *output, uint8_t *arena,
                                                        uint32_t *stack_top)
{
    __asm__ volatile("push {r4, r5, r6, lr}\n"
                     "mov r4, sp\n"
                     "ldr r5, [sp, #16]\n"
                     "mov r6, r0\n"
                     "mov r0, r1\n"
                     "mov r1, r2\n"
                     "mov r2, r3\n"
                     "mov sp, r5\n"
                     "blx r6\n"
                     "mov sp, r4\n"
                     "pop {r4, r5, r6, pc}");
}

__attribute__((naked, noinline)) int edge_empty(const void *input, void *output, uint8_t *arena)
{
    __asm__ volatile("bx lr");
}

__attribute__((naked, noinline)) int edge_loop(const void *input, void *output, uint8_t *arena)
{
    __asm__ volatile(".syntax unified\nmovs r0, #200\n1: subs r0, #1\nbne 1b\nbx lr");
}

__attribute__((naked, used, section(".vectors.stop"))) void edge_stop(void)
{
    __asm__ volatile("b .");
}

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {
    edge_harness_stack_top, _start, fault, fault, fault, fault, fault, fault,
    0, 0, 0, fault, fault, 0, fault, fault,
};
