#include "edge_mlperf.h"

#include "edge_board.h"
#include "edge_inference.h"
#include "edge_model.h"

#define COMMAND_BYTES 80u
#define TERMINATOR '%'
#define PRINTED_IN_A_LINE 8u
#define WARM_UP_RUNS 10u
#define LARGEST_PRINTED 4000000.0f
#define LARGEST_NUMBER 1000000000u

static char command[COMMAND_BYTES + 1u];
static uint32_t command_bytes, expected_bytes, loaded_bytes;

static void print(const char *text)
{
    uint32_t bytes = 0;
    while (text[bytes])
        bytes++;
    edge_board_uart_write((const uint8_t *)text, bytes);
}

static void print_number(uint64_t value)
{
    char digits[21];
    uint32_t at = sizeof digits - 1u;
    digits[at] = 0;
    do {
        digits[--at] = (char)('0' + (int)(value % 10u));
        value /= 10u;
    } while (value);
    print(digits + at);
}

static void print_message(const char *before, uint64_t value, const char *after)
{
    print(before);
    print_number(value);
    print(after);
}

static void print_hex(uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";
    const char text[3] = {digits[byte >> 4], digits[byte & 15], 0};
    print(text);
}

/* As printf("%0.3f") does, for what fits 32 bits; what does not, or is no number, ends there. */
static void print_thousandths(float value)
{
    float magnitude = value < 0.0f ? -value : value;
    uint32_t thousandths;
    if (!(magnitude < LARGEST_PRINTED))
        magnitude = LARGEST_PRINTED;
    if (value < 0.0f)
        print("-");
    thousandths = (uint32_t)(magnitude * 1000.0f + 0.5f);
    print_number(thousandths / 1000u);
    print(".");
    for (uint32_t place = 100u; place; place /= 10u)
        print_number(thousandths / place % 10u);
}

static int is_float(void)
{
    return edge_mlperf_model.input == EDGE_MLPERF_FLOAT32;
}

static uint8_t *input(void)
{
    return is_float() ? edge_mlperf_model.raw : edge_model.inputs[0].data;
}

static uint32_t input_bytes(void)
{
    return edge_model.inputs[0].bytes * (is_float() ? 4u : 1u);
}

/* Turning the top bit takes 128 off and gives it back. */
static uint8_t top_bit(void)
{
    return edge_mlperf_model.input == EDGE_MLPERF_UINT8 ? 0x80u : 0u;
}

static float float_at(uint32_t index)
{
    union {
        uint8_t bytes[4];
        float value;
    } element;
    for (uint32_t i = 0; i < 4u; i++)
        element.bytes[i] = edge_mlperf_model.raw[4u * index + i];
    return element.value;
}

/* Round half away from zero, then to the range of int8; not a number becomes the zero point. */
static int8_t quantized(float value)
{
    float scaled = value / edge_mlperf_model.input_scale;
    int32_t rounded = 0;
    if (scaled >= 512.0f)
        rounded = 512;
    else if (scaled <= -512.0f)
        rounded = -512;
    else if (scaled >= 0.0f)
        rounded = (int32_t)(scaled + 0.5f);
    else if (scaled < 0.0f)
        rounded = (int32_t)(scaled - 0.5f);
    rounded += edge_mlperf_model.input_zero_point;
    return (int8_t)(rounded > 127 ? 127 : rounded < -128 ? -128 : rounded);
}

static void quantize_input(void)
{
    for (uint32_t i = 0; is_float() && i < edge_model.inputs[0].bytes; i++)
        edge_model.inputs[0].data[i] = (uint8_t)quantized(float_at(i));
}

static float output_at(uint32_t index)
{
    int32_t code = (int8_t)edge_model.outputs[0].data[index];
    return (float)(code - edge_mlperf_model.output_zero_point) * edge_mlperf_model.output_scale;
}

static float reconstruction_error(void)
{
    uint32_t count = edge_model.outputs[0].bytes;
    float sum = 0.0f;
    for (uint32_t i = 0; i < count; i++) {
        float difference = output_at(i) - float_at(i);
        sum += difference * difference;
    }
    return sum / (float)count;
}

static void print_results(void)
{
    uint32_t count = edge_model.outputs[0].bytes;
    print("m-results-[");
    if (is_float())
        print_thousandths(reconstruction_error());
    for (uint32_t i = 0; !is_float() && i < count; i++) {
        print(i ? "," : "");
        print_thousandths(output_at(i));
    }
    print("]\r\n");
}

/* A falling edge for a meter, and the time. */
static void timestamp(void)
{
    uint64_t microseconds;
    edge_board_gpio_set(1);
    edge_board_gpio_set(0);
    if (edge_microseconds(&microseconds))
        print_message("m-lap-us-", microseconds, "\r\n");
    else
        print("e-[This board knows no time]\r\n");
}

/* edge_microseconds() follows a 32-bit counter as long as it is asked more often than that wraps. */
static int run_many(uint32_t inferences)
{
    uint64_t ignored;
    int status = 0;
    while (status == 0 && inferences--) {
        status = edge_model.run();
        edge_microseconds(&ignored);
    }
    return status;
}

static void infer(uint32_t inferences, uint32_t warm_up)
{
    int status;
    if (loaded_bytes != input_bytes()) {
        print_message("e-[Input has ", loaded_bytes, " bytes, ");
        print_message("expected ", input_bytes(), "]\r\n");
        return;
    }
    quantize_input();
    print_message("m-warmup-start-", warm_up, "\r\n");
    status = run_many(warm_up);
    print("m-warmup-done\r\n");
    print_message("m-infer-start-", inferences, "\r\n");
    timestamp();
    status = status ? status : run_many(inferences);
    timestamp();
    print("m-infer-done\r\n");
    if (status)
        print("e-[The model failed]\r\n");
    else
        print_results();
}

/* The next word of the command from *at on, cut off with a zero; NULL at its end. */
static char *next_word(char **at)
{
    char *word;
    while (**at == ' ')
        (*at)++;
    if (!**at)
        return 0;
    word = *at;
    while (**at && **at != ' ')
        (*at)++;
    if (**at)
        *(*at)++ = 0;
    return word;
}

static int is_word(const char *word, const char *wanted)
{
    while (*word && *word == *wanted) {
        word++;
        wanted++;
    }
    return *word == *wanted;
}

/* As atoi() of the runner's numbers: 0 for what is none, and what is too large. */
static uint32_t number_in(const char *word)
{
    uint32_t value = 0;
    for (; *word >= '0' && *word <= '9'; word++) {
        value = value * 10u + (uint32_t)(*word - '0');
        if (value > LARGEST_NUMBER)
            return 0;
    }
    return value;
}

static void infer_command(char *at)
{
    const char *inferences = next_word(&at), *warm_up = next_word(&at);
    uint32_t count = inferences ? number_in(inferences) : 1u;
    if (count == 0)
        print("e-[Inference iterations must be >0]\r\n");
    else
        infer(count, warm_up ? number_in(warm_up) : WARM_UP_RUNS);
}

static int digit_in(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void load_hex(const char *word)
{
    for (; word[0]; word += 2) {
        int high = digit_in(word[0]), low = word[1] ? digit_in(word[1]) : -1;
        if (high < 0 || low < 0) {
            print(word[1] ? "e-[Invalid hex digit]\r\n" : "e-[Insufficent number of hex digits]\r\n");
            return;
        }
        if (loaded_bytes >= expected_bytes) {
            print("e-[More bytes than expected]\r\n");
            return;
        }
        input()[loaded_bytes++] = (uint8_t)((unsigned)(high << 4 | low) ^ top_bit());
        if (loaded_bytes == expected_bytes) {
            print("m-load-done\r\n");
            return; /* what follows does not count */
        }
    }
}

static void start_load(const char *word)
{
    uint32_t bytes = word ? number_in(word) : 0u;
    if (!word) {
        print("e-[Command 'db load' requires the # of bytes]\r\n");
    } else if (bytes == 0) {
        print("e-[Command 'db load' must be >0 bytes]\r\n");
    } else if (bytes > input_bytes()) {
        print_message("e-[Input takes ", input_bytes(), " bytes]\r\n");
    } else {
        expected_bytes = bytes;
        loaded_bytes = 0;
        print_message("m-[Expecting ", bytes, " bytes]\r\n");
    }
}

static void print_buffer(void)
{
    for (uint32_t i = 0; i < loaded_bytes; i++) {
        int ends = (i + 1u) % PRINTED_IN_A_LINE == 0 || i + 1u == loaded_bytes;
        print(i % PRINTED_IN_A_LINE == 0 ? "m-buffer-" : "");
        print_hex(input()[i] ^ top_bit());
        print(ends ? "\r\n" : "-");
    }
}

static void buffer_command(char *at)
{
    const char *word = next_word(&at);
    if (!word)
        print("e-[Command 'db' requires a subcommand]\r\n");
    else if (is_word(word, "load"))
        start_load(next_word(&at));
    else if (is_word(word, "print"))
        print_buffer();
    else
        load_hex(word);
}

static void print_profile(void)
{
    print("m-profile-[ULPMark for tinyML Firmware V0.0.1]\r\n");
    print("m-model-[");
    print(edge_mlperf_model.version);
    print("]\r\n");
}

static void obey(void)
{
    char *at = command;
    const char *word = next_word(&at);
    if (!word)
        return;
    if (is_word(word, "name"))
        print("m-name-dut-[edgetool]\r\n");
    else if (is_word(word, "timestamp"))
        timestamp();
    else if (is_word(word, "profile"))
        print_profile();
    else if (is_word(word, "db"))
        buffer_command(at);
    else if (is_word(word, "infer"))
        infer_command(at);
    else if (is_word(word, "results"))
        print_results();
    else if (is_word(word, "help"))
        print("name profile timestamp db infer results\r\n");
    else
        print("e-[Unknown command]\r\n");
}

/* Line ends between commands are a terminal's; a command that is too long is cut off. */
static void take(char byte)
{
    if (byte == '\r' || byte == '\n')
        return;
    if (byte != TERMINATOR) {
        if (command_bytes < COMMAND_BYTES)
            command[command_bytes++] = byte;
        return;
    }
    command[command_bytes] = 0;
    command_bytes = 0;
    obey();
    print("m-ready\r\n");
}

void edge_mlperf_start(void)
{
    edge_board_init();
    edge_counter_start();
    print("m-init-done\r\n");
    print("m-ready\r\n");
}

void edge_mlperf_poll(void)
{
    uint64_t ignored;
    uint8_t byte;
    edge_board_idle();
    edge_microseconds(&ignored);
    while (edge_board_uart_read(&byte, 1))
        take((char)byte);
}

void edge_mlperf_main(void)
{
    edge_mlperf_start();
    for (;;)
        edge_mlperf_poll();
}
