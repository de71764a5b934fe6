// One inference of classifier on an input of zeros, timed, over and over.
#include <classifier.h>

alignas(CLASSIFIER_ARENA_ALIGNMENT) static uint8_t
    arena[CLASSIFIER_ARENA_BYTES > 0 ? CLASSIFIER_ARENA_BYTES : 1];
static int8_t input[CLASSIFIER_INPUT_ELEMENTS];
static int8_t output[CLASSIFIER_OUTPUT_ELEMENTS];

void setup() {
  Serial.begin(115200);
}

void loop() {
  const unsigned long start = micros();
  const int status = classifier_run(input, output, arena);
  const unsigned long taken = micros() - start;
  Serial.print("status ");
  Serial.print(status);
  Serial.print(", microseconds ");
  Serial.println(taken);
  for (int i = 0; i < CLASSIFIER_OUTPUT_ELEMENTS; i++) {
    Serial.println(output[i]);
  }
  delay(2000);
}
