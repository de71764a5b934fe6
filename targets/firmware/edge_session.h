/* The serial protocol: requests in, one response each.
 *
 * A response has its request's sequence number and type + EDGE_RESPONSE, or is EDGE_ERROR.  A request
 * that comes again, the same to the byte, is answered from memory and not done twice, so a host may
 * repeat what got lost.  Numbers are little-endian; u8, u16, u32, u64 say their size.
 *
 *   type          request                                 response
 *   OPEN          u32 nonce                               u32 nonce, identity (below)
 *   LOAD          u8 input, u32 offset, bytes             -
 *   RUN           u16 inferences                          i32 status, u64 count of each
 *   WINDOW        u32 inferences                          i32 status, u64 count of all
 *   READ          u8 room, u8 index, u32 offset, u16 n    n bytes
 *   USAGE         -                                       i32 status, u32 stack, u32 arena
 *   LAYERS        -                                       i32 status
 *   COUNTS        u16 first, u16 n                        n u32 counts, EDGE_UNKNOWN: no code
 *   STEP          u16 layer                               u8 stopped, u16 layer, i32 status
 *   CONTINUE      u16 layer                               as STEP
 *
 * Counts are left out where the board has no counter.  STEP runs until a layer with this number or a
 * higher one has run and stops there; READ then shows arena and outputs as that layer left them.
 * OPEN ends such a run.  RUN, WINDOW, USAGE, LAYERS and STEP need every input loaded since OPEN, and
 * after a reset nothing but OPEN is answered, so that a host cannot miss one.
 *
 * identity: u8 emulated, u8 counter kind, u32 clock in Hz, u16 largest payload, u16 layers,
 *   u32 arena bytes, u8 inputs, u8 outputs, u32 bytes of each input and output, then
 *   zero-terminated: model, artifact sha256, core, compiler, port.
 * Unasked, with sequence 0:  HELLO after a reset;  FAULT with u32 cause, pc, lr, address. */
#ifndef EDGE_SESSION_H
#define EDGE_SESSION_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum edge_message {
    EDGE_OPEN = 1,
    EDGE_LOAD = 2,
    EDGE_RUN = 3,
    EDGE_WINDOW = 4,
    EDGE_READ = 5,
    EDGE_USAGE = 6,
    EDGE_LAYERS = 7,
    EDGE_COUNTS = 8,
    EDGE_STEP = 9,
    EDGE_CONTINUE = 10,
    EDGE_HELLO = 0x41,
    EDGE_FAULT = 0x42,
    EDGE_RESPONSE = 0x80,
    EDGE_ERROR = 0xff
};

/* Payload of EDGE_ERROR: u8 reason, u8 type of the request. */
enum edge_reason {
    EDGE_UNKNOWN_REQUEST = 1,
    EDGE_BAD_REQUEST = 2,
    EDGE_NOT_OPEN = 3,
    EDGE_INPUT_MISSING = 4,
    EDGE_STOPPED_AT_LAYER = 5,
    EDGE_NOT_STOPPED = 6,
    EDGE_OTHER_VERSION = 7
};

enum edge_room { EDGE_ROOM_INPUT = 0, EDGE_ROOM_OUTPUT = 1, EDGE_ROOM_ARENA = 2 };

/* Starts board and counter and says HELLO.  Once. */
void edge_firmware_start(void);

/* Answers what has arrived; returns when the line is empty.  For a main loop of one's own. */
void edge_firmware_poll(void);

/* Start and poll for ever. */
void edge_firmware_main(void);

/* Sends FAULT; for a fault handler, which should then reset the board. */
void edge_firmware_fault(uint32_t cause, uint32_t pc, uint32_t lr, uint32_t address);

#ifdef __cplusplus
}
#endif

#endif
