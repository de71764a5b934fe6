/* Which reads of flash a cache would not have answered: fully associative, the least recently used
 * unit leaves. Read back by blocks.py: change both together. No C library, as in block_table.h. */
#ifndef EDGE_FLASH_CACHE_H
#define EDGE_FLASH_CACHE_H

#include <stdint.h>

#define LINES_MAX 1024u

struct cache {
    uint64_t unit_bytes; /* of one read of flash; 0: nothing is counted */
    uint64_t lines;      /* units that the cache keeps, at least the last one */
    uint64_t reads;      /* of units, each time that another than the last one is wanted */
    uint64_t misses;
    uint64_t sequential; /* misses of the unit behind the one before: what a prefetch has begun */
    uint64_t last;
    uint64_t filled;
    uint64_t units[LINES_MAX]; /* the most recently used first */
};

static inline void read_unit(struct cache *cache, uint64_t unit)
{
    uint64_t place = 0, last = cache->last;
    if (cache->filled && unit == last)
        return;
    cache->reads++;
    cache->last = unit;
    while (place < cache->filled && cache->units[place] != unit)
        place++;
    if (place == cache->filled) {
        cache->misses++;
        cache->sequential += cache->filled && unit == last + 1;
        if (cache->filled < cache->lines)
            cache->filled++;
        else
            place--;
    }
    for (; place > 0; place--)
        cache->units[place] = cache->units[place - 1];
    cache->units[0] = unit;
}

static inline void read_bytes(struct cache *cache, uint64_t address, uint64_t size)
{
    if (cache->unit_bytes == 0)
        return;
    uint64_t last = (address + size - 1) / cache->unit_bytes;
    for (uint64_t unit = address / cache->unit_bytes; unit <= last; unit++)
        read_unit(cache, unit);
}

#endif
