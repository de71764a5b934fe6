/* Declarations of STM32Cube's HAL as UM1884 documents them, to compile a port against. */
#include <stdint.h>
typedef struct { int instance; } UART_HandleTypeDef;
typedef struct { int port; } GPIO_TypeDef;
typedef enum { HAL_OK = 0, HAL_ERROR, HAL_BUSY, HAL_TIMEOUT } HAL_StatusTypeDef;
typedef enum { GPIO_PIN_RESET = 0, GPIO_PIN_SET } GPIO_PinState;
#define HAL_MAX_DELAY 0xFFFFFFFFu
extern uint32_t SystemCoreClock;
HAL_StatusTypeDef HAL_UART_Receive(UART_HandleTypeDef *huart, uint8_t *data, uint16_t size,
                                   uint32_t timeout);
HAL_StatusTypeDef HAL_UART_Transmit(UART_HandleTypeDef *huart, const uint8_t *data, uint16_t size,
                                    uint32_t timeout);
void HAL_GPIO_WritePin(GPIO_TypeDef *port, uint16_t pin, GPIO_PinState state);
#define LD2_GPIO_Port ((GPIO_TypeDef *)0x48000000)
#define LD2_Pin 0x80u
