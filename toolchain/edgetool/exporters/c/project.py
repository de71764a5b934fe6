"""What makes the folder easy to build: CMakeLists.txt, <name>.mk, README.md, example/main.c."""

from __future__ import annotations

from collections.abc import Sequence

from edgetool.exporters.c.calls import c_type, shape_text
from edgetool.exporters.c.names import comment_text
from edgetool.exporters.c.source import Interface
from edgetool.program.memory_plan import MemoryPlan
from edgetool.program.program import Program
from edgetool.program.tensor import Tensor


def cmake_lists(interface: Interface, sources: Sequence[str]) -> str:
    """A static library, and the example on demand."""
    name, files = interface.name, "\n  ".join(sources)
    return f"""cmake_minimum_required(VERSION 3.13)
project({name} C)

add_library({name} STATIC
  {files})
target_include_directories({name} PUBLIC ${{CMAKE_CURRENT_SOURCE_DIR}}
  PRIVATE ${{CMAKE_CURRENT_SOURCE_DIR}}/kernels)
set_target_properties({name} PROPERTIES C_STANDARD 99 C_STANDARD_REQUIRED ON)

option({interface.macro}_EXAMPLE "Build the example program" OFF)
if({interface.macro}_EXAMPLE)
  add_executable({name}_example example/main.c)
  target_link_libraries({name}_example PRIVATE {name})
endif()
"""


def make_fragment(interface: Interface, sources: Sequence[str]) -> str:
    """Variables for another makefile, and a rule for lib<name>.a."""
    macro, name = interface.macro, interface.name
    files = " \\\n  ".join(sources)
    return f"""# Include this file, or run it: make -f {name}.mk
{macro}_DIR := $(dir $(lastword $(MAKEFILE_LIST)))
{macro}_SOURCES := $(addprefix $({macro}_DIR), \\
  {files})
{macro}_INCLUDES := -I$({macro}_DIR) -I$({macro}_DIR)kernels
{macro}_OBJECTS := $({macro}_SOURCES:.c=.o)

lib{name}.a: $({macro}_OBJECTS)
\t$(AR) rcs $@ $^

$({macro}_OBJECTS): %.o: %.c
\t$(CC) -std=c99 -O2 $(CFLAGS) $({macro}_INCLUDES) -c $< -o $@
"""


def example(interface: Interface) -> str:
    """A program for any hosted C: one inference on an input of zeros."""
    setup, call = _single(interface) if interface.single_io else _several(interface)
    return f"""/* One inference of {interface.name} on an input of zeros. */
#include <stdio.h>

#include "{interface.name}.h"

#define BUFFER_BYTES(count) ((count) > 0 ? (count) : 1)

static _Alignas({interface.macro}_ARENA_ALIGNMENT)
    uint8_t arena[BUFFER_BYTES({interface.macro}_ARENA_BYTES)];
{setup}
int main(void)
{{
    const int status = {interface.name}_run({call}, arena);
    if (status != EDGE_OK) {{
        fprintf(stderr, "{interface.name}_run returned %d\\n", status);
        return status;
    }}
{_prints(interface)}
    return 0;
}}
"""


def readme(interface: Interface, plan: MemoryPlan, constants_bytes: int) -> str:
    """How to build and call the model, what it costs, and its layers."""
    program, name = interface.program, interface.name
    rows = "\n".join(_layer_row(program, index) for index in range(len(program.operations)))
    ports = "\n".join(
        f"| `{variable}` | {c_type(tensor)} | {shape_text(tensor)} | {tensor.nbytes:,} |"
        f" {_quantization(tensor)} |"
        for _, variable, tensor in interface.ports()
    )
    return f"""# {name}

A neural network as plain C99: no heap, no dependency, re-entrant with one arena per caller.

```c
#include "{name}.h"

static _Alignas({interface.macro}_ARENA_ALIGNMENT) uint8_t arena[{interface.macro}_ARENA_BYTES];

{interface.prototype()};
```

It returns `EDGE_OK`, or `EDGE_BAD_ARG` for a NULL or misaligned pointer.

| buffer | type | shape, channels last | bytes | quantization |
|---|---|---|---|---|
{ports}

| arena | lower bound | constants | multiply-accumulates |
|---|---|---|---|
| {plan.arena_bytes:,} B | {plan.lower_bound_bytes:,} B | {constants_bytes:,} B | \
{program.total_macs():,} |

## Build it

- CMake: `add_subdirectory({name})` and link `{name}`; `-D{interface.macro}_EXAMPLE=ON` builds \
`example/main.c`.
- Make: `make -f {name}.mk` makes `lib{name}.a`; or include it and use `{interface.macro}_SOURCES`.
- Anything else: compile `*.c` and `kernels/*.c` with this folder and `kernels` on the include path.

`memcpy` and `memset` are the only outside functions. The files in `kernels/` are part of edgetool \
(Apache-2.0).

## Layers

| | layer | operator | output | MACs |
|---|---|---|---|---|
{rows}
"""


def _layer_row(program: Program, index: int) -> str:
    operation = program.operations[index]
    shapes = ", ".join(shape_text(tensor) for tensor in program.output_tensors(operation))
    macs = program.macs(operation)
    cost = f"{macs:,}" if macs else ""
    kind = operation.operator.kind
    return f"| {index + 1} | {comment_text(operation.name)} | {kind} | {shapes} | {cost} |"


def _quantization(tensor: Tensor) -> str:
    if tensor.quantization is None:
        return ""
    return f"scale {float(tensor.scale):.9g}, zero point {tensor.zero_point}"


def _single(interface: Interface) -> tuple[str, str]:
    (given, _, source), (wanted, _, target) = interface.ports()
    setup = (
        f"static {c_type(source)} input[{given}_ELEMENTS];\n"
        f"static {c_type(target)} output[{wanted}_ELEMENTS];\n"
    )
    return setup, "input, output"


def _several(interface: Interface) -> tuple[str, str]:
    lines, groups = [], {"INPUT": list[str](), "OUTPUT": list[str]()}
    for macro, _, tensor in interface.ports():
        noun = macro.removeprefix(f"{interface.macro}_")
        lines.append(f"static {c_type(tensor)} {noun.lower()}[{macro}_ELEMENTS];")
        groups[noun.split("_")[0]].append(noun.lower())
    lines.append(f"static const void *const inputs[] = {{{', '.join(groups['INPUT'])}}};")
    lines.append(f"static void *const outputs[] = {{{', '.join(groups['OUTPUT'])}}};")
    return "\n".join(lines) + "\n", "inputs, outputs"


def _prints(interface: Interface) -> str:
    lines = []
    for macro, variable, tensor in interface.ports():
        noun = macro.removeprefix(f"{interface.macro}_").lower()
        if not variable.startswith("output"):
            continue
        specifier, cast = ("%g", "(double)") if tensor.dtype == "float32" else ("%ld", "(long)")
        lines.append(f"    for (int i = 0; i < {macro}_ELEMENTS; i++)")
        lines.append(f'        printf("{specifier}\\n", {cast}{noun}[i]);')
    return "\n".join(lines)
