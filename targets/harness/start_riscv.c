/* RISC-V start-up: stack, trap vector, faults reported, the call on the model's stack.
 * The emulator loads .data and clears .bss itself; nothing is linked relative to gp. */
#include "harness.h"

/* First in the image: QEMU's "virt" machine starts here. */
__attribute__((naked, used, section(".vectors"))) void _start(void)
{
    __asm__ volatile("la sp, edge_harness_stack_top\n"
                     "la t0, edge_trap\n"
                     EDGE_CSR("csrw mtvec, t0")
#if defined(__riscv_flen)
                     "li t0, 0x2000\n" /* mstatus.FS = initial */
                     EDGE_CSR("csrs mstatus, t0")
#endif
                     "j main");
}

__attribute__((used)) static void report_trap(uint32_t return_address)
{
    uint32_t cause, pc, address;
    __asm__ volatile(EDGE_CSR("csrr %0, mcause\ncsrr %1, mepc\ncsrr %2, mtval")
                     : "=r"(cause), "=r"(pc), "=r"(address));
    edge_report_fault(cause, pc, return_address, address, 0);
}

/* The harness's stack is good whatever the model did to its own. */
__attribute__((naked, used, aligned(4))) void edge_trap(void)
{
    __asm__ volatile("mv a0, ra\n"
                     "la sp, edge_harness_stack_top\n"
                     "j %0" ::"i"(report_trap));
}

__attribute__((naked, noinline)) int edge_call_on_stack(edge_run *run, const void *input,
                                                        void *output, uint8_t *arena,
                                                        uint32_t *stack_top)
{
    __asm__ volatile("addi sp, sp, -16\n"
                     "sw ra, 12(sp)\n"
                     "sw s0, 8(sp)\n"
                     "mv s0, sp\n"
                     "mv t0, a0\n"
                     "mv a0, a1\n"
                     "mv a1, a2\n"
                     "mv a2, a3\n"
                     "mv sp, a4\n"
                     "jalr t0\n"
                     "mv sp, s0\n"
                     "lw s0, 8(sp)\n"
                     "lw ra, 12(sp)\n"
                     "addi sp, sp, 16\n"
                     "ret");
}

__attribute__((naked, noinline)) int edge_empty(const void *input, void *output, uint8_t *arena)
{
    __asm__ volatile("ret");
}

__attribute__((naked, noinline)) int edge_loop(const void *input, void *output, uint8_t *arena)
{
    __asm__ volatile("li a0, 200\n1: addi a0, a0, -1\nbnez a0, 1b\nret");
}

__attribute__((naked, used, section(".vectors.stop"))) void edge_stop(void)
{
    __asm__ volatile("j .");
}
