// Declarations of Arduino's core as its reference gives them, to compile a port against.
#include <stddef.h>
#include <stdint.h>
#define HIGH 1
#define LOW 0
#define F_CPU 64000000L
struct Stream {
    int available();
    int read();
    size_t write(const uint8_t *buffer, size_t size);
};
extern Stream Serial;
void digitalWrite(uint8_t pin, uint8_t value);
