/* What start-up code and harness offer each other. */
#ifndef EDGE_HARNESS_H
#define EDGE_HARNESS_H

#include <stdint.h>

#include "config.h"

/* Instructions on control and status registers: an extension of their own for assemblers since 2.38,
 * which -march=rv32imc does not name. */
#define EDGE_CSR(instructions) \
    ".option push\n.option arch, +zicsr\n" instructions "\n.option pop\n"

typedef int edge_run(const void *input, void *output, uint8_t *arena);

/* The model's own stack, painted before each call: grows down from the top. */
extern uint32_t edge_stack_bottom[], edge_stack_top[];

/* Calls run(input, output, arena) with the stack pointer at stack_top; start_*.c. */
int edge_call_on_stack(edge_run *run, const void *input, void *output, uint8_t *arena,
                       uint32_t *stack_top);

/* Known numbers of instructions, start_*.c: one, a return, shows the clock the cost of the call
 * itself; EDGE_LOOP_INSTRUCTIONS show whether the clock can be trusted. */
#define EDGE_LOOP_INSTRUCTIONS 402u
int edge_empty(const void *input, void *output, uint8_t *arena);
int edge_loop(const void *input, void *output, uint8_t *arena);

/* Where unicorn lets <name>_run return to; never executed; start_*.c. */
void edge_stop(void);

/* Writes a fault record and ends the emulator.  cause, status: CFSR and HFSR, or mcause. */
void edge_report_fault(uint32_t cause, uint32_t pc, uint32_t lr, uint32_t address, uint32_t status);

int main(void);

#endif
