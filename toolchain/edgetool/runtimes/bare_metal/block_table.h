/* How often each block of instructions ran: (address, size) → executed, taken.
 * Shared by the unicorn hook and the QEMU plugin; read back by blocks.py: change both together.
 * No C library: this is compiled for the host without looking for one. */
#ifndef EDGE_BLOCK_TABLE_H
#define EDGE_BLOCK_TABLE_H

#include <stdint.h>

#define BLOCKS_MAX (1u << 18)
#define SLOTS (1u << 20)

struct block {
    uint64_t address, size, executed, taken;
};

struct block_table {
    uint64_t count;
    uint64_t overflow; /* blocks that found no place: the counts are then worthless */
    struct block blocks[BLOCKS_MAX];
    uint32_t slots[SLOTS]; /* index of a block, plus one */
};

/* The block with this address and size, entered if it is new; 0 if the table is full. */
static inline struct block *find_block(struct block_table *table, uint64_t address, uint64_t size)
{
    uint64_t hash = (address << 12 ^ size) * 0x9e3779b97f4a7c15u;
    for (uint32_t slot = (uint32_t)(hash >> 40) % SLOTS;; slot = (slot + 1) % SLOTS) {
        uint32_t index = table->slots[slot];
        if (index && table->blocks[index - 1].address == address &&
            table->blocks[index - 1].size == size)
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
            return block;
        }
    }
}

#endif
