# Include this file, or run it: make -f classifier.mk
CLASSIFIER_DIR := $(dir $(lastword $(MAKEFILE_LIST)))
CLASSIFIER_SOURCES := $(addprefix $(CLASSIFIER_DIR), \
  classifier.c \
  classifier_weights.c \
  kernels/conv2d_blocks_s8.c \
  kernels/depthwise_conv2d_planes_s8.c \
  kernels/edge_patch.c \
  kernels/fully_connected_s8.c)
CLASSIFIER_INCLUDES := -I$(CLASSIFIER_DIR) -I$(CLASSIFIER_DIR)kernels
CLASSIFIER_OBJECTS := $(CLASSIFIER_SOURCES:.c=.o)

libclassifier.a: $(CLASSIFIER_OBJECTS)
	$(AR) rcs $@ $^

$(CLASSIFIER_OBJECTS): %.o: %.c
	$(CC) -std=c99 -O2 $(CFLAGS) $(CLASSIFIER_INCLUDES) -c $< -o $@
