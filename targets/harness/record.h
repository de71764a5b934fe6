/* What the harness reports, eight 32-bit words a record, in the order in which things happen.
 * edgetool.runtimes.bare_metal.qemu reads them: change both together. */
#ifndef EDGE_RECORD_H
#define EDGE_RECORD_H

#include <stdint.h>

enum { EDGE_RECORD_CALIBRATION = 1, EDGE_RECORD_INFERENCE = 2, EDGE_RECORD_FAULT = 3 };
enum { EDGE_EXIT_OK = 0, EDGE_EXIT_FILES = 2, EDGE_EXIT_FAULT = 3 };

#define EDGE_NO_DAMAGE 0xffffffffu

/* elapsed_low, elapsed_high: Arm: the MPS board's 32-bit counter and its 100 Hz counter;
 *   RISC-V: low and high word of minstret.
 * known: a calibration's executed instructions, its return included; or, with a fault, whether the
 *   stack is full.
 * damaged: offset in edge_region of the first byte outside every buffer that was written.
 * fault: status is the cause (CFSR, mcause), the next four words are pc, lr, address, fault status. */
struct edge_record {
    uint32_t kind;
    int32_t status;
    uint32_t elapsed_low;
    uint32_t elapsed_high;
    uint32_t stack_bytes;
    uint32_t arena_bytes;
    uint32_t damaged;
    uint32_t known;
};

#endif
