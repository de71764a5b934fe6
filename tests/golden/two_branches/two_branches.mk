# Include this file, or run it: make -f two_branches.mk
TWO_BRANCHES_DIR := $(dir $(lastword $(MAKEFILE_LIST)))
TWO_BRANCHES_SOURCES := $(addprefix $(TWO_BRANCHES_DIR), \
  kernels/add_line_s8.c \
  kernels/concat_rows.c \
  kernels/split_rows.c \
  two_branches.c \
  two_branches_weights.c)
TWO_BRANCHES_INCLUDES := -I$(TWO_BRANCHES_DIR) -I$(TWO_BRANCHES_DIR)kernels
TWO_BRANCHES_OBJECTS := $(TWO_BRANCHES_SOURCES:.c=.o)

libtwo_branches.a: $(TWO_BRANCHES_OBJECTS)
	$(AR) rcs $@ $^

$(TWO_BRANCHES_OBJECTS): %.o: %.c
	$(CC) -std=c99 -O2 $(CFLAGS) $(TWO_BRANCHES_INCLUDES) -c $< -o $@
