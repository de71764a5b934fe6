#include "edge_math.h"

#include "edgetool_kernels.h"

#define LOG2_E 1.44269504f
#define LN2_HIGH 0.693359375f       /* few bits: times a small integer it is exact */
#define LN2_LOW (-2.12194440e-4f)
#define EXP_OVERFLOW 88.722840f     /* the largest x with finite exp(x) */
#define EXP_UNDERFLOW (-103.972084f) /* below it exp(x) rounds to 0 */
#define TANH_SMALL 0.625f
#define TANH_LARGE 9.1f

/* 2^n, n -126..127. */
static float power_of_two(int32_t n)
{
    const uint32_t bits = (uint32_t)(n + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

float edge_exp_f32(float x)
{
    if (x != x) {
        return x;
    }
    if (x > EXP_OVERFLOW) {
        return power_of_two(127) * 2.0f;
    }
    if (x < EXP_UNDERFLOW) {
        return 0.0f;
    }
    const int32_t n = (int32_t)(x * LOG2_E + (x < 0.0f ? -0.5f : 0.5f));
    const float r = (x - (float)n * LN2_HIGH) - (float)n * LN2_LOW;
    float series = 1.9875691500e-4f;
    series = series * r + 1.3981999507e-3f;
    series = series * r + 8.3334519073e-3f;
    series = series * r + 4.1665795894e-2f;
    series = series * r + 1.6666665459e-1f;
    series = series * r + 5.0000001201e-1f;
    series = series * r * r + r + 1.0f;
    const int32_t half = n / 2; /* in two steps: 2^n itself may be subnormal or too large */
    return series * power_of_two(half) * power_of_two(n - half);
}

static float tanh_series(float x)
{
    const float z = x * x;
    float series = -5.70498872745e-3f;
    series = series * z + 2.06390887954e-2f;
    series = series * z - 5.37397155531e-2f;
    series = series * z + 1.33314422036e-1f;
    series = series * z - 3.33332819422e-1f;
    return series * z * x + x;
}

float edge_tanh_f32(float x)
{
    const float magnitude = x < 0.0f ? -x : x;
    if (x != x || magnitude < TANH_SMALL) {
        return tanh_series(x);
    }
    const float result =
        magnitude > TANH_LARGE ? 1.0f : 1.0f - 2.0f / (edge_exp_f32(2.0f * magnitude) + 1.0f);
    return x < 0.0f ? -result : result;
}
