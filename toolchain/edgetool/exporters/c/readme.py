"""README.md of the generated folder: how to build and call the model, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgetool.exporters.c.calls import c_type, shape_text
from edgetool.exporters.c.costs import LayerMemory
from edgetool.exporters.c.names import comment_text
from edgetool.exporters.c.source import Interface
from edgetool.program.memory_plan import MemoryPlan
from edgetool.program.program import Program
from edgetool.program.tensor import Tensor


def readme(
    interface: Interface,
    plan: MemoryPlan,
    constants_bytes: int,
    memory: Mapping[str, LayerMemory],
    optimize: str,
    kernels: Sequence[str],
) -> str:
    """How to build and call the model, what it costs, and its layers.

    memory: by layer, of those that are computed.   optimize: the compiler's flag for which sizes
    and cycles are stated.   kernels: whose they are, a core's before the portable ones.
    """
    program, name, macro = interface.program, interface.name, interface.macro
    whose = ", ".join(f"`{comment_text(core)}`" for core in kernels)
    rows = "\n".join(_layer_row(program, index, memory) for index in range(len(program.operations)))
    ports = "\n".join(
        f"| `{variable}` | {c_type(tensor)} | {shape_text(tensor)} | {tensor.nbytes:,} |"
        f" {_quantization(tensor)} |"
        for _, variable, tensor in interface.ports()
    )
    return f"""# {name}

A neural network as plain C99: no heap, no dependency, re-entrant with one arena per caller.

```c
#include "{name}.h"

static _Alignas({macro}_ARENA_ALIGNMENT) uint8_t arena[{macro}_ARENA_BYTES];

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

The sources are in `src`, which is all that a compiler needs on its include path (C99, gcc or
clang). `memcpy` and `memset` are the only outside functions. Sizes and cycles are stated for
`{optimize}`; without optimisation the kernels are many times slower.

- **CMake**, STM32CubeMX's CMake projects among them: `add_subdirectory({name})` and
  `target_link_libraries(your_app {name})`. `-D{macro}_EXAMPLE=ON` builds `examples/main.c`.
- **Make**: `make -f {name}.mk` makes `lib{name}.a`; or include it and use `{macro}_SOURCES` and
  `{macro}_INCLUDES`.
- **Zephyr**: `west build … -- -DZEPHYR_EXTRA_MODULES=/path/to/this/folder`, and
  `CONFIG_EDGETOOL_{macro}=y` in `prj.conf`.
- **Arduino**: this folder, or a .zip of it, is a library: *Sketch > Include Library > Add .ZIP
  Library*; then *File > Examples > {name}*. Set `url` in `library.properties` if you publish it.
- **PlatformIO**: put this folder into your project's `lib/`.
- **STM32CubeIDE** (managed builds): drag `src` into the project, choose *Link to files and
  folders*, rename it `{name}`; *Add/remove include path…* on it; *Properties > C/C++ Build >
  Settings > MCU GCC Compiler > Optimization* to `{optimize}`. Do not add `examples`.
- **Anything else**: compile `src/*.c` and `src/kernels/*.c` with `src` on the include path.

Two models in one program: build each as a static library, as all of the above but STM32CubeIDE do.
They must come from the same edgetool for the same core, because they share kernels by name; in
STM32CubeIDE exclude one model's `kernels` from the build.

The files in `src/kernels` are part of edgetool (Apache-2.0); they are those of {whose}.

## Layers

| | layer | operator | output | MACs | constants | scratch | arena in use |
|---|---|---|---|---|---|---|---|
{rows}

Bytes; an array that layers share counts where it is first read. `edgetool profile` adds the \
instructions, cycles and code of each layer.
"""


def _layer_row(program: Program, index: int, memory: Mapping[str, LayerMemory]) -> str:
    operation = program.operations[index]
    shapes = ", ".join(shape_text(tensor) for tensor in program.output_tensors(operation))
    macs = program.macs(operation)
    cost = f"{macs:,}" if macs else ""
    kind = operation.operator.kind
    known = memory.get(operation.name)
    sizes = (known.constant_bytes, known.scratch_bytes, known.live_bytes) if known else ()
    cells = [f"{size:,}" if size else "" for size in sizes] or [""] * 3
    name = comment_text(operation.name)
    return f"| {index + 1} | {name} | {kind} | {shapes} | {cost} | {' | '.join(cells)} |"


def _quantization(tensor: Tensor) -> str:
    if tensor.quantization is None:
        return ""
    return f"scale {float(tensor.scale):.9g}, zero point {tensor.zero_point}"
