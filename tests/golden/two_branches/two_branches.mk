# Include this file, or run it: make -f two_branches.mk
TWO_BRANCHES_DIR := $(dir $(lastword $(MAKEFILE_LIST)))
TWO_BRANCHES_SOURCES := $(addprefix $(TWO_BRANCHES_DIR), \
  src/kernels/add_line_s8.c \
  src/kernels/concat_rows.c \
  src/kernels/split_rows.c \
  src/two_branches.c \
  src/two_branches_weights.c)
TWO_BRANCHES_INCLUDES := -I$(TWO_BRANCHES_DIR)src
TWO_BRANCHES_OBJECTS := $(TWO_BRANCHES_SOURCES:.c=.o)

libtwo_branches.a: $(TWO_BRANCHES_OBJECTS)
	$(AR) rcs $@ $^

$(TWO_BRANCHES_OBJECTS): %.o: %.c
	$(CC) -std=c99 -O2 -ffp-contract=off $(CFLAGS) $(TWO_BRANCHES_INCLUDES) -c $< -o $@
