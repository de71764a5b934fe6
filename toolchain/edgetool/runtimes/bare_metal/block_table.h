/* How often each block of instructions ran: (address, size, part) → executed, taken.
 * Parts of an inference: the first goes from the call of <name>_run to the return of the first
 * kernel that it calls, the second on to the return of the next one, and so on.
 * Shared by the unicorn hook and the QEMU plugin; read back by blocks.py: change both together.
 * No C library: this is compiled for the host without looking for one. */
#ifndef EDGE_BLOCK_TABLE_H
#define EDGE_BLOCK_TABLE_H

#include <stdint.h>

#define BLOCKS_MAX (1u << 18)
#define SLOTS (1u << 20)

struct block {
    uint64_t address, size, part, executed, taken;
};

struct progress {
    uint64_t run_start, run_end; /* the instructions of <name>_run */
    uint64_t part, inside; /* 0 before the call; whether the last block was one of <name>_run */
};

struct block_table {
    uint64_t count;
    uint64_t overflow; /* blocks that found no place: the counts are then worthless */
    struct block blocks[BLOCKS_MAX];
    uint32_t slots[SLOTS]; /* index of a block, plus one */
};

/* The part of the inference that a block at this address, which is about to run, belongs to. */
static inline uint64_t advance(struct progress *progress, uint64_t address)
{
    uint64_t inside = address >= progress->run_start && address < progress->run_end;
    progress->part += inside && !progress->inside;
    progress->inside = inside;
    return progress->part;
}

/* The block with this address and size in a part, entered if it is new; 0 if the table is full. */
static inline struct block *find_block(struct block_table *table, uint64_t address, uint64_t size,
                                       uint64_t part)
{
    uint64_t hash = (address << 12 ^ size ^ part << 44) * 0x9e3779b97f4a7c15u;
    for (uint32_t slot = (uint32_t)(hash >> 40) % SLOTS;; slot = (slot + 1) % SLOTS) {
        uint32_t index = table->slots[slot];
        if (index && table->blocks[index - 1].address == address &&
            table->blocks[index - 1].size == size && table->blocks[index - 1].part == part)
            return &table->blocks[index - 1];
        if (index == 0) {
            if (table->count == BLOCKS_MAX) {
                table->overflow++;
                return 0;
            }
            table->slots[slot] = (uint32_t)++table->count;
            struct block *block = &table->blocks[table->count - 1];
            block->address = address;
            block->size = size;
            block->part = part;
            return block;
        }
    }
}

#endif
