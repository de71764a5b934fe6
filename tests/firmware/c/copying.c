/* Copies a length the compiler does not know: memcpy is a helper. A copy of four bytes is not. */
#include <stddef.h>
#include <stdint.h>
void *memcpy(void *to, const void *from, size_t bytes);
int copying_run(const int8_t *input, int8_t *output, uint8_t *arena)
{
    (void)arena;
#ifdef COPY_FOUR
    memcpy(output, input, 4);
#else
    memcpy(output, input, (size_t)input[0]);
#endif
    return 0;
}
