/* A block hook for unicorn in machine code: a hook in Python takes sixty times as long.
 * Called through unicorn's own hook mechanism, at the start of every block. */
#include "block_table.h"

struct counter {
    uint64_t start, end; /* blocks outside are not counted */
    uint64_t limit_bytes; /* stop after executing so many bytes of instructions */
    uint64_t executed_bytes;
    void (*stop)(void *engine);
    struct block *previous;
    uint64_t previous_end;
    struct progress progress; /* set back before each inference */
    struct block_table table;
};

void edge_count_block(void *engine, uint64_t address, uint32_t size, struct counter *counter);

void edge_count_block(void *engine, uint64_t address, uint32_t size, struct counter *counter)
{
    if (counter->previous && counter->previous_end != address)
        counter->previous->taken++;
    counter->previous = 0;
    if (address < counter->start || address >= counter->end)
        return;
    counter->executed_bytes += size;
    if (counter->executed_bytes > counter->limit_bytes)
        counter->stop(engine);
    uint64_t part = advance(&counter->progress, address);
    struct block *block = find_block(&counter->table, address, size, part);
    if (block)
        block->executed++;
    counter->previous = block;
    counter->previous_end = address + size;
}
