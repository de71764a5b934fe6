#include "edge_frame.h"

#include "edge_board.h"

#define LONGEST_RUN 254u

/* Four bits at a time, reflected polynomial 0xEDB88320. */
uint32_t edge_crc32(uint32_t crc, const uint8_t *from, uint32_t bytes)
{
    static const uint32_t table[16] = {
        0x00000000u, 0x1db71064u, 0x3b6e20c8u, 0x26d930acu, 0x76dc4190u, 0x6b6b51f4u,
        0x4db26158u, 0x5005713cu, 0xedb88320u, 0xf00f9344u, 0xd6d6a3e8u, 0xcb61b38cu,
        0x9b64c2b0u, 0x86d3d2d4u, 0xa00ae278u, 0xbdbdf21cu,
    };
    crc = ~crc;
    for (uint32_t i = 0; i < bytes; i++) {
        crc ^= from[i];
        crc = (crc >> 4) ^ table[crc & 15u];
        crc = (crc >> 4) ^ table[crc & 15u];
    }
    return ~crc;
}

static uint32_t read_u32(const uint8_t *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

void edge_frame_reset(struct edge_frame_reader *reader)
{
    reader->bytes = 0;
    reader->code = 0;
    reader->left = 0;
    reader->overlong = 0;
    reader->whole = 0;
}

static void append(struct edge_frame_reader *reader, uint8_t byte)
{
    if (reader->bytes < EDGE_CONTENT_MAX)
        reader->content[reader->bytes++] = byte;
    else
        reader->overlong = 1;
}

/* A block of code c is c - 1 bytes and, unless c is 255 or the frame ends, a zero. */
static void take_encoded(struct edge_frame_reader *reader, uint8_t byte)
{
    if (reader->left) {
        append(reader, byte);
        reader->left--;
        return;
    }
    if (reader->code != 0 && reader->code != 255u)
        append(reader, 0);
    reader->code = byte;
    reader->left = (uint8_t)(byte - 1u);
}

static int is_whole(const struct edge_frame_reader *reader)
{
    uint32_t covered = reader->bytes - EDGE_CRC_BYTES;
    if (reader->left || reader->overlong || reader->bytes < EDGE_HEADER_BYTES + EDGE_CRC_BYTES)
        return 0;
    return edge_crc32(0, reader->content, covered) == read_u32(reader->content + covered);
}

int edge_frame_take(struct edge_frame_reader *reader, uint8_t byte)
{
    uint32_t bytes;
    if (reader->whole)
        edge_frame_reset(reader);
    if (byte) {
        take_encoded(reader, byte);
        return 0;
    }
    bytes = is_whole(reader) ? reader->bytes - EDGE_CRC_BYTES : 0;
    edge_frame_reset(reader);
    if (bytes == 0)
        return 0;
    reader->bytes = bytes;
    reader->whole = 1;
    return 1;
}

static uint32_t run_at(const uint8_t *content, uint32_t start, uint32_t bytes)
{
    uint32_t run = 0;
    while (run < LONGEST_RUN && start + run < bytes && content[start + run])
        run++;
    return run;
}

void edge_frame_write(uint8_t *content, uint32_t bytes)
{
    static const uint8_t delimiter = 0;
    uint32_t crc = edge_crc32(0, content, bytes), start = 0;
    for (uint32_t i = 0; i < EDGE_CRC_BYTES; i++)
        content[bytes++] = (uint8_t)(crc >> (8u * i));
    edge_board_uart_write(&delimiter, 1);
    for (;;) {
        uint32_t run = run_at(content, start, bytes);
        uint8_t code = (uint8_t)(run + 1u);
        edge_board_uart_write(&code, 1);
        edge_board_uart_write(content + start, run);
        start += run;
        if (start == bytes)
            break;
        if (run < LONGEST_RUN)
            start++; /* the zero that the code stands for */
    }
    edge_board_uart_write(&delimiter, 1);
}
