/* What calibration cannot do without, as plain loops: extremes, and a histogram of 2048 bins. */
#include <stddef.h>
#include <stdint.h>

void extremes(const float *values, size_t count, float *low, float *high)
{
    float smallest = *low, largest = *high;
    for (size_t i = 0; i < count; i++) {
        smallest = values[i] < smallest ? values[i] : smallest;
        largest = values[i] > largest ? values[i] : largest;
    }
    *low = smallest;
    *high = largest;
}

void histogram(const float *values, size_t count, float low, float scale, uint32_t *bins)
{
    for (size_t i = 0; i < count; i++) {
        int32_t bin = (int32_t)((values[i] - low) * scale);
        bins[bin < 0 ? 0 : bin > 2047 ? 2047 : bin]++;
    }
}
