/* A TCG plugin for QEMU: counts the blocks of the model and writes them to a file at the end.
 * Arguments: start=0x..,end=0x.. of the model, run=0x..,limit=0x.. of <name>_run, into=PATH.  The few functions of qemu-plugin.h that are used have
 * had these signatures since version 1 of the interface; PLUGIN_VERSION says which QEMU wants. */
#include "block_table.h"

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id,
                                           void (*translated)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
                                          void (*executed)(unsigned, void *), int flags,
                                          void *user);
void qemu_plugin_register_atexit_cb(plugin_id id, void (*ended)(plugin_id, void *), void *user);
uint64_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, uint64_t index);
uint64_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

void *fopen(const char *path, const char *mode);
uint64_t fwrite(const void *from, uint64_t size, uint64_t count, void *file);
int fclose(void *file);

__attribute__((visibility("default"))) int qemu_plugin_version = PLUGIN_VERSION;

static struct block_table table;
static struct progress progress;
static uint64_t start, end;
static const char *path;
static struct block *previous;

/* QEMU looks at the first half of an instruction that crosses a page of 1 KiB, leaves it to the next
 * block and still adds the two bytes to the last instruction of this one (7.2). */
static int follows(const struct block *next, const struct block *block)
{
    uint64_t end = block->address + block->size;
    return next->address == end || (end % 1024 == 0 && next->address == end - 2);
}

static void count(unsigned cpu, void *user)
{
    const struct block *place = user; /* in no part; 0 outside the model */
    struct block *block = 0;
    (void)cpu;
    if (previous && !(place && follows(place, previous)))
        previous->taken++;
    if (place)
        block = find_block(&table, place->address, place->size, advance(&progress, place->address));
    else
        progress.part = progress.inside = 0;
    if (block)
        block->executed++;
    previous = block;
}

static void on_translation(plugin_id id, struct qemu_plugin_tb *tb)
{
    uint64_t address = qemu_plugin_tb_vaddr(tb);
    const struct qemu_plugin_insn *last =
        qemu_plugin_tb_get_insn(tb, qemu_plugin_tb_n_insns(tb) - 1);
    /* Not the sum of sizes: an instruction before the end of a page may be given two bytes more. */
    uint64_t size = qemu_plugin_insn_vaddr(last) + qemu_plugin_insn_size(last) - address;
    (void)id;
    struct block *block = 0;
    if (address >= start && address < end)
        block = find_block(&table, address, size, 0);
    qemu_plugin_register_vcpu_tb_exec_cb(tb, count, 0, block);
}

static void on_exit(plugin_id id, void *user)
{
    void *file = fopen(path, "wb");
    (void)id;
    (void)user;
    if (!file)
        return;
    fwrite(&table.overflow, sizeof table.overflow, 1, file);
    fwrite(table.blocks, sizeof table.blocks[0], table.count, file);
    fclose(file);
}

static uint64_t number(const char *text)
{
    uint64_t value = 0;
    for (text += 2; *text; text++)
        value = value * 16 + (uint64_t)(*text <= '9' ? *text - '0' : *text - 'a' + 10);
    return value;
}

__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id id, const void *info,
                                                               int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (argv[i][0] == 's')
            start = number(argv[i] + 6);
        else if (argv[i][0] == 'e')
            end = number(argv[i] + 4);
        else if (argv[i][0] == 'r')
            progress.run_start = number(argv[i] + 4);
        else if (argv[i][0] == 'l')
            progress.run_end = number(argv[i] + 6);
        else
            path = argv[i] + 5;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_atexit_cb(id, on_exit, 0);
    return 0;
}
