// One inference of model_3_upsampler on an input of zeros, timed, over and over.
#include <model_3_upsampler.h>

alignas(MODEL_3_UPSAMPLER_ARENA_ALIGNMENT) static uint8_t
    arena[MODEL_3_UPSAMPLER_ARENA_BYTES > 0 ? MODEL_3_UPSAMPLER_ARENA_BYTES : 1];
static float input[MODEL_3_UPSAMPLER_INPUT_ELEMENTS];
static float output[MODEL_3_UPSAMPLER_OUTPUT_ELEMENTS];

void setup() {
  Serial.begin(115200);
}

void loop() {
  const unsigned long start = micros();
  const int status = model_3_upsampler_run(input, output, arena);
  const unsigned long taken = micros() - start;
  Serial.print("status ");
  Serial.print(status);
  Serial.print(", microseconds ");
  Serial.println(taken);
  for (int i = 0; i < MODEL_3_UPSAMPLER_OUTPUT_ELEMENTS; i++) {
    Serial.println(output[i]);
  }
  delay(2000);
}
