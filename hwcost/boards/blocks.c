/* Counts executed blocks for the emulator, which calls hwcost_block before each. Compiled for this machine when first needed. */
#include <stdint.h>

#define ENTRIES 65536u

/* A block of code: how often it ran, and how often what ran next was not what follows it in memory. */
struct entry {
    uint64_t count, taken;
    uint32_t address, size;
};

struct counts {
    uint64_t bytes, most_bytes;
    uint32_t overflowed, stopped;
    uint32_t next, reserved;
    struct entry *last;
    int (*stop)(void *engine);
    struct entry entries[ENTRIES];
};

/* The place of a block in the table: its own, or the first free one. */
static struct entry *place(struct counts *counts, uint32_t address, uint32_t size) {
    uint32_t at = ((address >> 1) ^ size << 7) * 2654435761u >> 16;
    for (uint32_t tried = 0; tried < ENTRIES; tried++, at = (at + 1) % ENTRIES) {
        struct entry *entry = &counts->entries[at];
        if (entry->size == 0) {
            entry->address = address;
            entry->size = size;
        }
        if (entry->address == address && entry->size == size) return entry;
    }
    counts->overflowed = 1;
    return &counts->entries[0];
}

/* One block begins: it is counted, a branch to it is counted at the block before, and a run over its limit is stopped. */
void hwcost_block(void *engine, uint64_t address, uint32_t size, void *user) {
    struct counts *counts = user;
    if (counts->last && (uint32_t)address != counts->next) counts->last->taken++;
    struct entry *entry = place(counts, (uint32_t)address, size);
    entry->count++;
    counts->last = entry;
    counts->next = (uint32_t)address + size;
    counts->bytes += size;
    if (counts->bytes > counts->most_bytes) {
        counts->stopped = 1;
        counts->stop(engine);
    }
}
