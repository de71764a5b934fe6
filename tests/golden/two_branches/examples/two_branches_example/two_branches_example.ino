// One inference of two_branches on an input of zeros, timed, over and over.
#include <two_branches.h>

alignas(TWO_BRANCHES_ARENA_ALIGNMENT) static uint8_t
    arena[TWO_BRANCHES_ARENA_BYTES > 0 ? TWO_BRANCHES_ARENA_BYTES : 1];
static int8_t input_0[TWO_BRANCHES_INPUT_0_ELEMENTS];
static int8_t input_1[TWO_BRANCHES_INPUT_1_ELEMENTS];
static int8_t output_0[TWO_BRANCHES_OUTPUT_0_ELEMENTS];
static int8_t output_1[TWO_BRANCHES_OUTPUT_1_ELEMENTS];
static int8_t output_2[TWO_BRANCHES_OUTPUT_2_ELEMENTS];
static const void *const inputs[] = {input_0, input_1};
static void *const outputs[] = {output_0, output_1, output_2};

void setup() {
  Serial.begin(115200);
}

void loop() {
  const unsigned long start = micros();
  const int status = two_branches_run(inputs, outputs, arena);
  const unsigned long taken = micros() - start;
  Serial.print("status ");
  Serial.print(status);
  Serial.print(", microseconds ");
  Serial.println(taken);
  for (int i = 0; i < TWO_BRANCHES_OUTPUT_0_ELEMENTS; i++) {
    Serial.println(output_0[i]);
  }
  for (int i = 0; i < TWO_BRANCHES_OUTPUT_1_ELEMENTS; i++) {
    Serial.println(output_1[i]);
  }
  for (int i = 0; i < TWO_BRANCHES_OUTPUT_2_ELEMENTS; i++) {
    Serial.println(output_2[i]);
  }
  delay(2000);
}
