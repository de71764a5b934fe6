/* STM32Cube HAL (CubeIDE, CubeMX): calls as in ST's "Description of STM32 HAL and low-layer drivers"
 * (UM1884 for L4, UM1905 for F7, UM2217 for H7, UM2911 for U5).  Never run by edgetool.
 *
 * EDGE_HUART: the UART that CubeMX has set up for the ST-LINK's virtual port, 115200 8N1; NUCLEO-144
 * boards call it hlpuart1 (L4R5, U575: huart1) or huart3.  EDGE_METER_PORT, EDGE_METER_PIN: optional. */
#include "edge_board.h"
#include "main.h"

#ifndef EDGE_HUART
#define EDGE_HUART huart3
#endif

extern UART_HandleTypeDef EDGE_HUART;

uint32_t edge_board_uart_read(uint8_t *to, uint32_t room)
{
    uint32_t bytes = 0;
    while (bytes < room && HAL_UART_Receive(&EDGE_HUART, to + bytes, 1, 0) == HAL_OK)
        bytes++;
    return bytes;
}

void edge_board_uart_write(const uint8_t *from, uint32_t bytes)
{
    if (bytes)
        HAL_UART_Transmit(&EDGE_HUART, (uint8_t *)from, (uint16_t)bytes, HAL_MAX_DELAY);
}

uint32_t edge_board_clock_hz(void)
{
    return SystemCoreClock;
}

void edge_board_gpio_set(int high)
{
#ifdef EDGE_METER_PIN
    HAL_GPIO_WritePin(EDGE_METER_PORT, EDGE_METER_PIN, high ? GPIO_PIN_SET : GPIO_PIN_RESET);
#else
    (void)high;
#endif
}

const char *edge_board_name(void)
{
    return "stm32-hal";
}
