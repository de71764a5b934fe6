# Include this file, or run it: make -f model_3_upsampler.mk
MODEL_3_UPSAMPLER_DIR := $(dir $(lastword $(MAKEFILE_LIST)))
MODEL_3_UPSAMPLER_SOURCES := $(addprefix $(MODEL_3_UPSAMPLER_DIR), \
  src/kernels/conv2d_f32.c \
  src/kernels/edge_math.c \
  src/kernels/softmax_f32.c \
  src/kernels/transpose_conv2d_f32.c \
  src/model_3_upsampler.c \
  src/model_3_upsampler_weights.c)
MODEL_3_UPSAMPLER_INCLUDES := -I$(MODEL_3_UPSAMPLER_DIR)src
MODEL_3_UPSAMPLER_OBJECTS := $(MODEL_3_UPSAMPLER_SOURCES:.c=.o)

libmodel_3_upsampler.a: $(MODEL_3_UPSAMPLER_OBJECTS)
	$(AR) rcs $@ $^

$(MODEL_3_UPSAMPLER_OBJECTS): %.o: %.c
	$(CC) -std=c99 -O2 -ffp-contract=off $(CFLAGS) $(MODEL_3_UPSAMPLER_INCLUDES) -c $< -o $@
