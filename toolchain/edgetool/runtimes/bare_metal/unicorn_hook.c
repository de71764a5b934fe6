/* A block hook for unicorn in machine code: a hook in Python takes sixty times as long.
 * Called through unicorn's own hook mechanism, at the start of every block and, where a board's
 * flash is slower than its core, at every read of the model's constants. */
#include "block_table.h"
#include "flash_cache.h"

struct counter {
    uint64_t start, end; /* blocks outside are not counted */
    uint64_t limit_bytes; /* stop after executing so many bytes of instructions */
    uint64_t executed_bytes;
    void (*stop)(void *engine);
    int (*read_register)(void *engine, int number, void *value);
    int (*write_register)(void *engine, int number, const void *value);
    uint64_t status_register, conditions; /* a register's number, or 0; its bits to forget */
    struct block *previous;
    uint64_t previous_end;
    struct progress progress; /* set back before each inference */
    struct cache instructions, constants;
    struct block_table table;
};

void edge_count_block(void *engine, uint64_t address, uint32_t size, struct counter *counter);
void edge_count_read(void *engine, int kind, uint64_t address, int size, int64_t value,
                     struct counter *counter);

void edge_count_read(void *engine, int kind, uint64_t address, int size, int64_t value,
                     struct counter *counter)
{
    uint32_t status = 0;
    (void)kind;
    (void)value;
    read_bytes(&counter->constants, address, (uint64_t)size);
    if (counter->status_register == 0)
        return;
    /* unicorn 2.1 puts the IT state of a conditional load back for the hook: unicorn_process.py. */
    counter->read_register(engine, (int)counter->status_register, &status);
    if (status & counter->conditions) {
        status &= ~(uint32_t)counter->conditions;
        counter->write_register(engine, (int)counter->status_register, &status);
    }
}

void edge_count_block(void *engine, uint64_t address, uint32_t size, struct counter *counter)
{
    if (counter->previous && counter->previous_end != address)
        counter->previous->taken++;
    counter->previous = 0;
    if (address < counter->start || address >= counter->end)
        return;
    counter->executed_bytes += size;
    read_bytes(&counter->instructions, address, size);
    if (counter->executed_bytes > counter->limit_bytes)
        counter->stop(engine);
    uint64_t part = advance(&counter->progress, address);
    struct block *block = find_block(&counter->table, address, size, part);
    if (block)
        block->executed++;
    counter->previous = block;
    counter->previous_end = address + size;
}
