/* Declarations of the Pico SDK as its documentation gives them, to compile a port against. */
#include <stdbool.h>
#include <stdint.h>
int getchar_timeout_us(uint32_t timeout_us);
int putchar_raw(int c);
uint64_t time_us_64(void);
void gpio_put(unsigned int gpio, bool value);
