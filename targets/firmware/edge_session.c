#include "edge_session.h"

#include "edge_board.h"
#include "edge_frame.h"
#include "edge_inference.h"
#include "edge_model.h"

#define RUNS_MAX ((EDGE_PAYLOAD_MAX - 4u) / 8u)
#define NO_LAYER 0xffffffffu

/* A request's payload as it is read; failed once it was too short. */
struct request {
    const uint8_t *at;
    uint32_t left;
    int failed;
};

static struct edge_frame_reader reader;
static uint8_t response[EDGE_CONTENT_MAX];
static uint32_t response_bytes, answered_crc;
static uint8_t answered_any, is_open, is_stopped;
static uint32_t stop_after = NO_LAYER, stopped_at;
static uint8_t resumed, reopened;

static uint32_t get(struct request *request, uint32_t bytes)
{
    uint32_t value = 0;
    if (request->left < bytes) {
        request->failed = 1;
        return 0;
    }
    for (uint32_t i = 0; i < bytes; i++)
        value |= (uint32_t)request->at[i] << (8u * i);
    request->at += bytes;
    request->left -= bytes;
    return value;
}

static int is_done(const struct request *request)
{
    return !request->failed && request->left == 0;
}

static void start_response(uint8_t sequence, uint8_t type)
{
    response[0] = (uint8_t)EDGE_PROTOCOL_VERSION;
    response[1] = sequence;
    response[2] = type;
    response_bytes = EDGE_HEADER_BYTES;
}

/* What does not fit is cut off: the host sees a short payload. */
static void put_bytes(const uint8_t *from, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes && response_bytes < EDGE_HEADER_BYTES + EDGE_PAYLOAD_MAX; i++)
        response[response_bytes++] = from[i];
}

static void put(uint64_t value, uint32_t bytes)
{
    uint8_t encoded[8];
    for (uint32_t i = 0; i < bytes; i++)
        encoded[i] = (uint8_t)(value >> (8u * i));
    put_bytes(encoded, bytes);
}

static void put_text(const char *text)
{
    uint32_t bytes = 0;
    while (text[bytes])
        bytes++;
    put_bytes((const uint8_t *)text, bytes + 1u);
}

static void send_response(void)
{
    edge_frame_write(response, response_bytes);
}

static void refuse(uint8_t reason)
{
    uint8_t type = (uint8_t)(response[2] & ~(unsigned)EDGE_RESPONSE);
    start_response(response[1], EDGE_ERROR);
    put(reason, 1);
    put(type, 1);
}

static void put_sizes(const struct edge_buffer *buffers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        put(buffers[i].bytes, 4);
}

static void put_identity(void)
{
    put((uint8_t)(edge_board_is_emulated() != 0), 1);
    put(edge_counter_kind(), 1);
    put(edge_board_clock_hz(), 4);
    put(EDGE_PAYLOAD_MAX, 2);
    put(edge_model.layers, 2);
    put(edge_model.arena.bytes, 4);
    put(edge_model.input_count, 1);
    put(edge_model.output_count, 1);
    put_sizes(edge_model.inputs, edge_model.input_count);
    put_sizes(edge_model.outputs, edge_model.output_count);
    put_text(edge_model.name);
    put_text(edge_model.artifact_sha256);
    put_text(edge_model.core);
    put_text(edge_model.compiler);
    put_text(edge_board_name());
}

static void open_session(struct request *request)
{
    uint32_t nonce = get(request, 4);
    if (!is_done(request)) {
        refuse(EDGE_BAD_REQUEST);
        return;
    }
    is_open = 1;
    for (uint32_t i = 0; i < edge_model.input_count; i++)
        edge_model.inputs_filled[i] = 0;
    put(nonce, 4);
    put_identity();
}

/* Inputs are filled from their start on; what was loaded may be loaded again. */
static void load(struct request *request)
{
    uint32_t index = get(request, 1), offset = get(request, 4), bytes = request->left;
    const struct edge_buffer *input;
    if (request->failed || index >= edge_model.input_count ||
        offset > edge_model.inputs_filled[index] ||
        bytes > edge_model.inputs[index].bytes - offset) {
        refuse(EDGE_BAD_REQUEST);
        return;
    }
    input = &edge_model.inputs[index];
    for (uint32_t i = 0; i < bytes; i++)
        input->data[offset + i] = request->at[i];
    if (offset + bytes > edge_model.inputs_filled[index])
        edge_model.inputs_filled[index] = offset + bytes;
}

static int inputs_are_loaded(void)
{
    for (uint32_t i = 0; i < edge_model.input_count; i++)
        if (edge_model.inputs_filled[i] != edge_model.inputs[i].bytes)
            return 0;
    return 1;
}

static void put_count(uint64_t counted)
{
    if (edge_counter_kind() != EDGE_COUNTER_NONE)
        put(counted, 8);
}

static void set_status(int status)
{
    for (uint32_t i = 0; i < 4u; i++)
        response[EDGE_HEADER_BYTES + i] = (uint8_t)((uint32_t)status >> (8u * i));
}

static void run(struct request *request)
{
    uint32_t inferences = get(request, 2);
    int status = 0;
    if (!is_done(request) || inferences == 0 || inferences > RUNS_MAX) {
        refuse(EDGE_BAD_REQUEST);
        return;
    }
    put(0, 4);
    while (status == 0 && inferences--) {
        uint64_t counted = 0;
        status = edge_run_counted(&counted);
        put_count(counted);
    }
    set_status(status);
}

static void run_window(struct request *request)
{
    uint32_t inferences = get(request, 4);
    uint64_t counted = 0;
    if (!is_done(request) || inferences == 0) {
        refuse(EDGE_BAD_REQUEST);
        return;
    }
    put(0, 4);
    set_status(edge_run_window(inferences, &counted));
    put_count(counted);
}

static const struct edge_buffer *buffer_of(uint32_t room, uint32_t index)
{
    if (room == EDGE_ROOM_INPUT && index < edge_model.input_count)
        return &edge_model.inputs[index];
    if (room == EDGE_ROOM_OUTPUT && index < edge_model.output_count)
        return &edge_model.outputs[index];
    return room == EDGE_ROOM_ARENA && index == 0 ? &edge_model.arena : 0;
}

static void read_memory(struct request *request)
{
    uint32_t room = get(request, 1), index = get(request, 1);
    uint32_t offset = get(request, 4), bytes = get(request, 2);
    const struct edge_buffer *buffer = buffer_of(room, index);
    if (!is_done(request) || !buffer || offset > buffer->bytes || bytes > EDGE_PAYLOAD_MAX ||
        bytes > buffer->bytes - offset) {
        refuse(EDGE_BAD_REQUEST);
        return;
    }
    put_bytes(buffer->data + offset, bytes);
}

static void measure_usage(struct request *request)
{
    struct edge_usage usage;
    if (!is_done(request)) {
        refuse(EDGE_BAD_REQUEST);
        return;
    }
    usage = edge_measure_usage();
    put((uint32_t)usage.status, 4);
    put(usage.stack_bytes, 4);
    put(usage.arena_bytes, 4);
}

static void run_layers(struct request *request)
{
    if (!is_done(request)) {
        refuse(EDGE_BAD_REQUEST);
        return;
    }
    put((uint32_t)edge_run_layers(), 4);
}

static void read_counts(struct request *request)
{
    uint32_t first = get(request, 2), count = get(request, 2);
    if (!is_done(request) || first > edge_model.layers || count > edge_model.layers - first ||
        count > EDGE_PAYLOAD_MAX / 4u) {
        refuse(EDGE_BAD_REQUEST);
        return;
    }
    if (edge_counter_kind() == EDGE_COUNTER_NONE)
        return;
    for (uint32_t i = 0; i < count; i++)
        put(edge_model.layer_counts[first + i], 4);
}

static void put_stop(int status)
{
    put(is_stopped, 1);
    put(is_stopped ? stopped_at : 0u, 2);
    put((uint32_t)status, 4);
}

static void wait_for_frame(void);

/* Inside the model: answers requests until one lets the run go on. */
static void stop_at_layer(uint32_t number)
{
    if (number < stop_after)
        return;
    is_stopped = 1;
    stopped_at = number;
    resumed = 0;
    put_stop(0);
    send_response();
    while (!resumed) {
        edge_board_idle();
        wait_for_frame();
    }
    is_stopped = 0;
}

/* The response is the one that is due when the run ends: of STEP, of the last CONTINUE, or of an
 * OPEN that let it run out. */
static void step(struct request *request)
{
    int status;
    stop_after = get(request, 2);
    if (!is_done(request)) {
        refuse(EDGE_BAD_REQUEST);
        return;
    }
    status = edge_run_stepping(stop_at_layer);
    if (!reopened)
        put_stop(status);
    reopened = 0;
}

static void go_on(struct request *request)
{
    uint32_t layer = get(request, 2);
    if (!is_done(request)) {
        refuse(EDGE_BAD_REQUEST);
        send_response();
        return;
    }
    stop_after = layer;
    resumed = 1;
}

static int needs_inputs(uint8_t type)
{
    return type == EDGE_RUN || type == EDGE_WINDOW || type == EDGE_USAGE || type == EDGE_LAYERS ||
           type == EDGE_STEP;
}

static void dispatch(uint8_t type, struct request *request)
{
    switch (type) {
    case EDGE_OPEN:
        open_session(request);
        break;
    case EDGE_LOAD:
        load(request);
        break;
    case EDGE_RUN:
        run(request);
        break;
    case EDGE_WINDOW:
        run_window(request);
        break;
    case EDGE_READ:
        read_memory(request);
        break;
    case EDGE_USAGE:
        measure_usage(request);
        break;
    case EDGE_LAYERS:
        run_layers(request);
        break;
    case EDGE_COUNTS:
        read_counts(request);
        break;
    case EDGE_STEP:
        step(request);
        break;
    case EDGE_CONTINUE:
        refuse(EDGE_NOT_STOPPED);
        break;
    default:
        refuse(EDGE_UNKNOWN_REQUEST);
        break;
    }
}

/* Requests that arrive while a run is stopped. */
static void dispatch_stopped(uint8_t type, struct request *request)
{
    if (type == EDGE_CONTINUE) {
        go_on(request); /* answered by the next stop or the end */
        return;
    }
    if (type == EDGE_OPEN) {
        open_session(request);
        stop_after = NO_LAYER;
        resumed = 1;
        reopened = 1; /* answered when the run has ended */
        return;
    }
    if (type == EDGE_READ)
        read_memory(request);
    else
        refuse(EDGE_STOPPED_AT_LAYER);
    send_response();
}

static void answer(uint8_t type, struct request *request)
{
    if (reader.content[0] != EDGE_PROTOCOL_VERSION) {
        refuse(EDGE_OTHER_VERSION);
    } else if (is_stopped) {
        dispatch_stopped(type, request);
        return;
    } else if (!is_open && type != EDGE_OPEN) {
        refuse(EDGE_NOT_OPEN);
    } else if (needs_inputs(type) && !inputs_are_loaded()) {
        refuse(EDGE_INPUT_MISSING);
    } else {
        dispatch(type, request);
    }
    send_response();
}

static void take_frame(void)
{
    uint8_t type = reader.content[2];
    uint32_t crc = edge_crc32(0, reader.content, reader.bytes);
    struct request request = {
        reader.content + EDGE_HEADER_BYTES, reader.bytes - EDGE_HEADER_BYTES, 0};
    if (type & EDGE_RESPONSE) /* our own words, echoed */
        return;
    if (answered_any && crc == answered_crc) {
        send_response();
        return;
    }
    answered_any = 1;
    answered_crc = crc;
    start_response(reader.content[1], (uint8_t)(type | EDGE_RESPONSE));
    answer(type, &request);
}

/* Takes what has arrived, up to the end of one frame. */
static void wait_for_frame(void)
{
    uint8_t byte;
    while (edge_board_uart_read(&byte, 1))
        if (edge_frame_take(&reader, byte)) {
            take_frame();
            return;
        }
}

void edge_firmware_start(void)
{
    edge_board_init();
    edge_counter_start();
    edge_frame_reset(&reader);
    start_response(0, EDGE_HELLO);
    send_response();
}

void edge_firmware_poll(void)
{
    edge_board_idle();
    wait_for_frame();
}

void edge_firmware_main(void)
{
    edge_firmware_start();
    for (;;)
        edge_firmware_poll();
}

void edge_firmware_fault(uint32_t cause, uint32_t pc, uint32_t lr, uint32_t address)
{
    start_response(0, EDGE_FAULT);
    put(cause, 4);
    put(pc, 4);
    put(lr, 4);
    put(address, 4);
    send_response();
}
