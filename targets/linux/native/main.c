/* A generated model as a program of its own, for Linux devices that have no inference runtime.
 *
 *     program OUTPUTS INPUT...
 *
 * INPUT: a raw file for each input of the model, samples one after the other.   OUTPUTS: a file
 * that it makes when it is asked for outputs.   It obeys lines on standard input and answers in
 * lines of JSON, as ../agent/runtime_process.py does:
 *     ["block", count, duration_ns, per_sample]   infer until both are reached
 *     ["overhead", count, per_sample]             the same around nothing
 *     ["memory"]   ["layers", count]
 *     ["outputs", samples, path]                  path is not read: it is OUTPUTS
 * The end of standard input ends it. Little-endian processors alone, as the files are. */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "native.h"

#define FLUSH_NS 200000000LL
#define SAMPLES_MAX 65536
#define LINE_MAX_BYTES 32768

static long long samples[SAMPLES_MAX];
static char **input_paths;
static const char *outputs_path;

/* message holds nothing that JSON would escape. */
static void fail(const char *message, ...)
{
    va_list arguments;
    va_start(arguments, message);
    printf("{\"error\":\"runtime\",\"message\":\"");
    vprintf(message, arguments);
    printf("\"}\n");
    va_end(arguments);
    exit(1);
}

static long long now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int nothing(void)
{
    return 0;
}

static void infer(void)
{
    const int status = native_model.run();
    if (status != 0)
        fail("the model returned %d", status);
}

static void load(long sample)
{
    for (int i = 0; i < native_model.input_count; i++) {
        const struct native_port *port = &native_model.inputs[i];
        FILE *file = fopen(input_paths[i], "rb");
        if (file == NULL)
            fail("input %d: %s", i, strerror(errno));
        if (fseeko(file, (off_t)sample * (off_t)port->bytes, SEEK_SET) != 0 ||
            fread(port->data, 1, port->bytes, file) != port->bytes)
            fail("input %d: its file has no %zu bytes for sample %ld", i, port->bytes, sample);
        fclose(file);
    }
}

static void say_samples(int count)
{
    printf("{\"samples\":[");
    for (int i = 0; i < count; i++)
        printf(i ? ",%lld" : "%lld", samples[i]);
    printf("]}\n");
}

/* A sample is the time of per_sample calls. */
static void time_calls(int (*run)(void), long count, long long duration_ns, long per_sample)
{
    long done = 0;
    int kept = 0, status = 0;
    long long stop = now_ns();
    const long long end = stop + duration_ns;
    long long due = stop + FLUSH_NS;
    while (done + kept < count || stop < end) {
        const long long start = now_ns();
        for (long i = 0; i < per_sample; i++)
            status |= run();
        stop = now_ns();
        samples[kept++] = stop - start;
        if (stop >= due || kept == SAMPLES_MAX) {
            say_samples(kept);
            done += kept;
            kept = 0;
            due = now_ns() + FLUSH_NS;
        }
    }
    if (status != 0)
        fail("the model returned %d", status);
    if (kept > 0)
        say_samples(kept);
    printf("{\"end\":%ld}\n", done + kept);
}

static void say_memory(void)
{
    char line[256];
    long long resident = 0, peak = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        sscanf(line, "VmRSS: %lld", &resident);
        sscanf(line, "VmHWM: %lld", &peak);
    }
    if (file == NULL || resident == 0 || peak == 0)
        fail("/proc/self/status says nothing about memory");
    fclose(file);
    printf("{\"rss_bytes\":%lld,\"peak_rss_bytes\":%lld}\n", resident * 1024, peak * 1024);
}

static void say_outputs(long count)
{
    off_t offset = 0;
    printf("{\"outputs\":[");
    for (int i = 0; i < native_model.output_count; i++) {
        const struct native_port *port = &native_model.outputs[i];
        printf("%s{\"name\":%s,\"dtype\":\"%s\",\"shape\":[%ld%s],\"offset\":%lld}", i ? "," : "",
               port->name, port->dtype, count, port->dims, (long long)offset);
        offset += (off_t)count * (off_t)port->bytes;
    }
    printf("]}\n");
}

/* All samples of an output lie together. */
static void write_sample(FILE *file, long sample, long count)
{
    off_t first = 0;
    for (int i = 0; i < native_model.output_count; i++) {
        const struct native_port *port = &native_model.outputs[i];
        if (fseeko(file, first + (off_t)sample * (off_t)port->bytes, SEEK_SET) != 0 ||
            fwrite(port->data, 1, port->bytes, file) != port->bytes)
            fail("outputs: %s", strerror(errno));
        first += (off_t)count * (off_t)port->bytes;
    }
}

static void outputs(long count)
{
    FILE *file = fopen(outputs_path, "wbx");
    if (file == NULL)
        fail("outputs: %s", strerror(errno));
    for (long sample = 0; sample < count; sample++) {
        load(sample);
        infer();
        write_sample(file, sample, count);
        if (sample % 8 == 7)
            printf("{\"done\":%ld}\n", sample + 1);
    }
    if (fclose(file) != 0)
        fail("outputs: %s", strerror(errno));
    say_outputs(count);
}

static void obey(const char *line)
{
    long count, per_sample;
    long long duration_ns;
    if (sscanf(line, "[\"block\", %ld, %lld, %ld]", &count, &duration_ns, &per_sample) == 3)
        time_calls(native_model.run, count, duration_ns, per_sample);
    else if (sscanf(line, "[\"overhead\", %ld, %ld]", &count, &per_sample) == 2)
        time_calls(nothing, count, 0, per_sample);
    else if (sscanf(line, "[\"outputs\", %ld,", &count) == 1)
        outputs(count);
    else if (strncmp(line, "[\"memory\"]", 10) == 0)
        say_memory();
    else if (strncmp(line, "[\"layers\"", 9) == 0)
        printf("{\"layers\":[]}\n");
    else
        fail("a request that this program does not know");
}

int main(int argc, char **argv)
{
    static char line[LINE_MAX_BYTES];
    setvbuf(stdout, NULL, _IOLBF, 1 << 16);
    if (argc != native_model.input_count + 2)
        fail("%d arguments, not OUTPUTS and one file for each of %d inputs", argc - 1,
             native_model.input_count);
    outputs_path = argv[1];
    input_paths = argv + 2;
    load(0);
    const long long start = now_ns();
    infer();
    const double first_s = (double)(now_ns() - start) * 1e-9;
    printf("{\"package\":\"C by clang\",\"version\":\"%d.%d.%d\",\"first_inference_s\":%.9f,"
           "\"threads\":1}\n", __clang_major__, __clang_minor__, __clang_patchlevel__, first_s);
    while (fgets(line, sizeof line, stdin) != NULL)
        obey(line);
    return 0;
}
