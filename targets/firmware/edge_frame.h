/* Frames on a serial line: bounded, checksummed, and found again after garbage.
 *
 * A frame's content is  version, sequence, type, payload (0..EDGE_PAYLOAD_MAX), CRC-32 of all before
 * (IEEE 802.3, little-endian).  On the line it is COBS-encoded (Cheshire and Baker, "Consistent
 * Overhead Byte Stuffing", IEEE/ACM Transactions on Networking 7(2), 1999) between two zero bytes:
 * whatever came before, the next zero byte starts afresh. */
#ifndef EDGE_FRAME_H
#define EDGE_FRAME_H

#include <stdint.h>

#define EDGE_PROTOCOL_VERSION 1u
#define EDGE_PAYLOAD_MAX 512u
#define EDGE_HEADER_BYTES 3u
#define EDGE_CRC_BYTES 4u
#define EDGE_CONTENT_MAX (EDGE_HEADER_BYTES + EDGE_PAYLOAD_MAX + EDGE_CRC_BYTES)

/* content: of the frame that edge_frame_take() found.   bytes: its length without the CRC. */
struct edge_frame_reader {
    uint8_t content[EDGE_CONTENT_MAX];
    uint32_t bytes;
    uint8_t code;     /* of the current COBS block, 0 before the first */
    uint8_t left;     /* bytes of the block still to come */
    uint8_t overlong; /* more bytes than a frame may have */
    uint8_t whole;    /* content is a frame; the next byte starts another */
};

uint32_t edge_crc32(uint32_t crc, const uint8_t *from, uint32_t bytes);

void edge_frame_reset(struct edge_frame_reader *reader);

/* Takes one byte of the line.  Returns 1 when it ends a whole frame, which stays in the reader until
 * the next call; 0 otherwise.  Broken frames are dropped. */
int edge_frame_take(struct edge_frame_reader *reader, uint8_t byte);

/* Writes content (header and payload, room for the CRC behind them) to the line with
 * edge_board_uart_write(). */
void edge_frame_write(uint8_t *content, uint32_t bytes);

#endif
