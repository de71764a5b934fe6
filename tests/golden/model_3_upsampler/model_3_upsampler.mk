# Include this file, or run it: make -f model_3_upsampler.mk
MODEL_3_UPSAMPLER_DIR := $(dir $(lastword $(MAKEFILE_LIST)))
MODEL_3_UPSAMPLER_SOURCES := $(addprefix $(MODEL_3_UPSAMPLER_DIR), \
  kernels/conv2d_f32.c \
  kernels/edge_math.c \
  kernels/softmax_f32.c \
  kernels/transpose_conv2d_f32.c \
  model_3_upsampler.c \
  model_3_upsampler_weights.c)
MODEL_3_UPSAMPLER_INCLUDES := -I$(MODEL_3_UPSAMPLER_DIR) -I$(MODEL_3_UPSAMPLER_DIR)kernels
MODEL_3_UPSAMPLER_OBJECTS := $(MODEL_3_UPSAMPLER_SOURCES:.c=.o)

libmodel_3_upsampler.a: $(MODEL_3_UPSAMPLER_OBJECTS)
	$(AR) rcs $@ $^

$(MODEL_3_UPSAMPLER_OBJECTS): %.o: %.c
	$(CC) -std=c99 -O2 $(CFLAGS) $(MODEL_3_UPSAMPLER_INCLUDES) -c $< -o $@
