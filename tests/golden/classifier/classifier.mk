# Include this file, or run it: make -f classifier.mk
CLASSIFIER_DIR := $(dir $(lastword $(MAKEFILE_LIST)))
CLASSIFIER_SOURCES := $(addprefix $(CLASSIFIER_DIR), \
  src/classifier.c \
  src/classifier_weights.c \
  src/kernels/conv2d_blocks_s8.c \
  src/kernels/depthwise_conv2d_planes_s8.c \
  src/kernels/edge_patch.c \
  src/kernels/fully_connected_s8.c)
CLASSIFIER_INCLUDES := -I$(CLASSIFIER_DIR)src
CLASSIFIER_OBJECTS := $(CLASSIFIER_SOURCES:.c=.o)

libclassifier.a: $(CLASSIFIER_OBJECTS)
	$(AR) rcs $@ $^

$(CLASSIFIER_OBJECTS): %.o: %.c
	$(CC) -std=c99 -O2 -ffp-contract=off $(CFLAGS) $(CLASSIFIER_INCLUDES) -c $< -o $@
