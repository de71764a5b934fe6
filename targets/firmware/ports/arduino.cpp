// Arduino: calls as in the "Arduino Language Reference".  Never run by edgetool.  A sketch calls
// Serial.begin(115200) and edge_firmware_start() in setup(), edge_firmware_poll() in loop().
#include <Arduino.h>

#include "edge_board.h"

uint32_t edge_board_uart_read(uint8_t *to, uint32_t room)
{
    uint32_t bytes = 0;
    while (bytes < room && Serial.available() > 0)
        to[bytes++] = static_cast<uint8_t>(Serial.read());
    return bytes;
}

void edge_board_uart_write(const uint8_t *from, uint32_t bytes)
{
    Serial.write(from, bytes);
}

uint32_t edge_board_clock_hz(void)
{
    return F_CPU;
}

void edge_board_gpio_set(int high)
{
#ifdef EDGE_METER_PIN
    digitalWrite(EDGE_METER_PIN, high ? HIGH : LOW);
#else
    (void)high;
#endif
}

const char *edge_board_name(void)
{
    return "arduino";
}
