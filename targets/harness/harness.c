/* The emulated side of a run: request file in, records and outputs out.
 *
 * request:  uint32 number of inferences, then for each the bytes of every input in order.
 * records:  struct edge_record, two calibrations first, then one an inference.
 * outputs:  for each inference the bytes of every output in order.
 *
 * edge_region holds every buffer with painted red zones around them; config.h gives the offsets,
 * inputs first, then outputs, then the arena.  Nothing here may pull in a compiler helper: a helper
 * in the image is one that the model uses. */
#include "harness.h"
#include "record.h"
#include "semihosting.h"

struct buffer {
    uint32_t offset;
    uint32_t bytes;
};

struct clock {
    uint32_t low;
    uint32_t high;
};

int EDGE_RUN(const void *input, void *output, uint8_t *arena);

static const struct buffer buffers[EDGE_BUFFER_COUNT] = EDGE_BUFFERS;
static int32_t request, records, outputs;
static uint8_t stack_paint;
static const void *input_pointers[EDGE_INPUT_COUNT];
static void *output_pointers[EDGE_OUTPUT_COUNT];

uint8_t edge_region[EDGE_REGION_BYTES] __attribute__((aligned(16)));

static const struct buffer *arena(void)
{
    return &buffers[EDGE_INPUT_COUNT + EDGE_OUTPUT_COUNT];
}

/* 100 Hz counter and 25 or 20 MHz counter of the MPS boards' FPGA system control block ("FPGAIO",
 * Arm DAI0386 table 4-2), or the executed instructions themselves. */
static inline struct clock read_clock(void)
{
    struct clock now = {0, 0};
#if defined(__riscv)
    __asm__ volatile(EDGE_CSR("csrr %0, minstreth") : "=r"(now.high));
    __asm__ volatile(EDGE_CSR("csrr %0, minstret") : "=r"(now.low));
#elif EDGE_FPGAIO
    now.high = *(volatile uint32_t *)(EDGE_FPGAIO + 0x14u);
    now.low = *(volatile uint32_t *)(EDGE_FPGAIO + 0x18u);
#endif
    return now;
}

static __attribute__((noinline)) int timed_call(edge_run *run, struct edge_record *record)
{
    const void *input = EDGE_SINGLE_IO ? input_pointers[0] : (const void *)input_pointers;
    void *output = EDGE_SINGLE_IO ? output_pointers[0] : (void *)output_pointers;
    uint8_t *arena_start = edge_region + arena()->offset;
    struct clock before = read_clock();
    int status = edge_call_on_stack(run, input, output, arena_start, edge_stack_top);
    struct clock after = read_clock();
    record->elapsed_low = after.low - before.low;
    record->elapsed_high = after.high - before.high;
#if defined(__riscv)
    record->elapsed_high -= after.low < before.low;
#endif
    return status;
}

static void paint(uint8_t *from, const uint8_t *to, uint8_t paint_byte)
{
    volatile uint32_t *word = (volatile uint32_t *)from;
    uint32_t pattern = paint_byte | (uint32_t)paint_byte << 8;
    for (pattern |= pattern << 16; word < (const volatile uint32_t *)to; word++)
        *word = pattern;
}

static uint32_t stack_used(uint8_t paint_byte)
{
    const uint8_t *byte = (const uint8_t *)edge_stack_bottom;
    while (byte < (const uint8_t *)edge_stack_top && *byte == paint_byte)
        byte++;
    return (uint32_t)((const uint8_t *)edge_stack_top - byte);
}

static uint32_t arena_used(uint8_t paint_byte)
{
    const uint8_t *start = edge_region + arena()->offset;
    uint32_t used = arena()->bytes;
    while (used && start[used - 1] == paint_byte)
        used--;
    return used;
}

static uint32_t first_damage(uint8_t paint_byte)
{
    uint32_t offset = 0;
    for (uint32_t i = 0; i <= EDGE_BUFFER_COUNT; i++) {
        uint32_t zone_end = i < EDGE_BUFFER_COUNT ? buffers[i].offset : EDGE_REGION_BYTES;
        for (; offset < zone_end; offset++)
            if (edge_region[offset] != paint_byte)
                return offset;
        offset = i < EDGE_BUFFER_COUNT ? buffers[i].offset + buffers[i].bytes : offset;
    }
    return EDGE_NO_DAMAGE;
}

static void write_record(const struct edge_record *record)
{
    if (edge_write(records, record, sizeof *record))
        edge_exit(EDGE_EXIT_FILES);
}

static void calibrate(edge_run *run, uint32_t instructions)
{
    struct edge_record record = {.kind = EDGE_RECORD_CALIBRATION, .known = instructions};
    timed_call(run, &record);
    write_record(&record);
}

static void read_inputs(void)
{
    for (uint32_t i = 0; i < EDGE_INPUT_COUNT; i++)
        if (edge_read(request, edge_region + buffers[i].offset, buffers[i].bytes))
            edge_exit(EDGE_EXIT_FILES);
}

static void write_outputs(void)
{
    for (uint32_t i = 0; i < EDGE_OUTPUT_COUNT; i++)
        if (edge_write(outputs, output_pointers[i], buffers[EDGE_INPUT_COUNT + i].bytes))
            edge_exit(EDGE_EXIT_FILES);
}

/* paint_byte alternates, so that a byte the model wrote stands out in one of two inferences. */
static void infer(uint8_t paint_byte)
{
    struct edge_record record = {.kind = EDGE_RECORD_INFERENCE};
    stack_paint = paint_byte;
    paint((uint8_t *)edge_stack_bottom, (const uint8_t *)edge_stack_top, paint_byte);
    paint(edge_region, edge_region + EDGE_REGION_BYTES, paint_byte);
    read_inputs();
    record.status = timed_call(EDGE_RUN, &record);
    record.stack_bytes = stack_used(paint_byte);
    record.arena_bytes = arena_used(paint_byte);
    record.damaged = first_damage(paint_byte);
    write_record(&record);
    write_outputs();
}

void edge_report_fault(uint32_t cause, uint32_t pc, uint32_t lr, uint32_t address, uint32_t status)
{
    struct edge_record record = {
        .kind = EDGE_RECORD_FAULT,
        .status = (int32_t)cause,
        .elapsed_low = pc,
        .elapsed_high = lr,
        .stack_bytes = address,
        .arena_bytes = status,
        .known = stack_paint && *(const uint8_t *)edge_stack_bottom != stack_paint,
    };
    write_record(&record);
    edge_exit(EDGE_EXIT_FAULT);
}

int main(void)
{
    uint32_t inferences = 0;
    request = edge_open("request", 7, EDGE_READ_BINARY);
    records = edge_open("records", 7, EDGE_WRITE_BINARY);
    outputs = edge_open("outputs", 7, EDGE_WRITE_BINARY);
    if (request < 0 || records < 0 || outputs < 0 || edge_read(request, &inferences, 4))
        edge_exit(EDGE_EXIT_FILES);
    for (uint32_t i = 0; i < EDGE_INPUT_COUNT; i++)
        input_pointers[i] = edge_region + buffers[i].offset;
    for (uint32_t i = 0; i < EDGE_OUTPUT_COUNT; i++)
        output_pointers[i] = edge_region + buffers[EDGE_INPUT_COUNT + i].offset;
    calibrate(edge_empty, 1);
    calibrate(edge_loop, EDGE_LOOP_INSTRUCTIONS);
    for (uint32_t i = 0; i < inferences; i++)
        infer(i & 1 ? 0x5a : 0xa5);
    edge_exit(EDGE_EXIT_OK);
}
