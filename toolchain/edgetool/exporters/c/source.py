"""The model's own files: <name>.h, <name>.c, <name>_weights.h and <name>_weights.c."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edgetool.exporters.c.calls import c_type, shape_text
from edgetool.exporters.c.constants import Constants
from edgetool.exporters.c.literals import float_literal, wrap
from edgetool.exporters.c.names import comment_text
from edgetool.program.memory_plan import MemoryPlan
from edgetool.program.program import Program
from edgetool.program.tensor import Tensor

ARENA_ALIGNMENT = 16
_AFTER_LAYER = (
    "/* For who defines it: called behind each layer, with its number in the comments below. */",
    "#ifndef EDGE_AFTER_LAYER",
    "#define EDGE_AFTER_LAYER(number) ((void)0)",
    "#endif",
    "",
)


@dataclass(frozen=True, eq=False)
class Interface:
    """How the generated model is called. name: its C prefix."""

    program: Program
    name: str
    arena_bytes: int

    @property
    def macro(self) -> str:
        """Prefix of the macros."""
        return self.name.upper()

    @property
    def single_io(self) -> bool:
        """Whether input and output are parameters of their own."""
        return len(self.program.inputs) == 1 and len(self.program.outputs) == 1

    def prototype(self) -> str:
        """The declaration of <name>_run without semicolon."""
        if not self.single_io:
            indent = " " * len(f"int {self.name}_run(")
            return (
                f"int {self.name}_run(const void *const inputs[], void *const outputs[],\n"
                f"{indent}uint8_t *arena)"
            )
        given, wanted = (self.program.tensors[names[0]] for names in self._ports())
        return (
            f"int {self.name}_run(const {c_type(given)} *input, {c_type(wanted)} *output,"
            f" uint8_t *arena)"
        )

    def ports(self) -> Iterator[tuple[str, str, Tensor]]:
        """(macro prefix, variable, tensor) of each input, then of each output.

        The tensors go by the source model's names for them.
        """
        sources = (self.program.input_names, self.program.output_names)
        for noun, names, known in zip(("input", "output"), self._ports(), sources, strict=True):
            for index, (name, source_name) in enumerate(zip(names, known, strict=True)):
                tensor = self.program.tensors[name].with_name(source_name)
                if self.single_io:
                    yield f"{self.macro}_{noun.upper()}", noun, tensor
                else:
                    yield f"{self.macro}_{noun.upper()}_{index}", f"{noun}s[{index}]", tensor

    def _ports(self) -> tuple[Sequence[str], Sequence[str]]:
        return self.program.inputs, self.program.outputs


@dataclass(frozen=True)
class Linked:
    """What is known once a linker ran.   how: compiler, flag and core, for a comment."""

    flash_bytes: int
    how: str


def header(interface: Interface, linked: Linked | None = None) -> str:
    """<name>.h: sizes, quantization and the prototype. linked: None where no compiler ran."""
    guard = f"{interface.macro}_H"
    arena = f"{interface.arena_bytes} bytes aligned to {ARENA_ALIGNMENT}"
    lines = [
        f"#ifndef {guard}",
        f"#define {guard}",
        "",
        "#include <stdint.h>",
        "",
        "#ifdef __cplusplus",
        'extern "C" {',
        "#endif",
        "",
        "#ifndef EDGE_OK",
        "#define EDGE_OK 0",
        "#define EDGE_BAD_ARG 1",
        "#endif",
        "",
        f"#define {interface.macro}_ARENA_BYTES {interface.arena_bytes}",
        f"#define {interface.macro}_ARENA_ALIGNMENT {ARENA_ALIGNMENT}",
        *_memory_lines(interface, linked),
        f"#define {interface.macro}_INPUTS {len(interface.program.inputs)}",
        f"#define {interface.macro}_OUTPUTS {len(interface.program.outputs)}",
        *(line for port in interface.ports() for line in _port_lines(*port)),
        "",
        f"/* One inference. The arena is working memory, {arena}; its contents",
        " * before and after do not matter. Re-entrant with one arena per caller; no heap.",
        " * Inputs are not written. Outputs must overlap neither inputs nor the arena.",
        " * Returns EDGE_OK, or EDGE_BAD_ARG for a NULL or misaligned pointer. */",
        f"{interface.prototype()};",
        "",
        "#ifdef __cplusplus",
        "}",
        "#endif",
        "",
        "#endif",
    ]
    return "\n".join(lines) + "\n"


def source(
    interface: Interface, plan: MemoryPlan, statements: Sequence[str], functions: Sequence[str]
) -> str:
    """<name>.c: the checks and the numbered calls. functions: the kernels that are called."""
    program = interface.program
    lines = [
        f"/* {interface.name}: {len(program.operations)} operations,"
        f" {program.total_macs():,} multiply-accumulates.",
        *_arena_table(program, plan),
        " */",
        f'#include "{interface.name}.h"',
        "",
        f'#include "{interface.name}_weights.h"',
        '#include "kernels/edgetool_kernels.h"',
        *(f'#include "kernels/{function}.h"' for function in functions),
        "",
        *(_AFTER_LAYER if functions else ()),
        interface.prototype(),
        "{",
        *(["    int status;", ""] if functions else []),
        *_checks(interface),
        "",
        "\n\n".join(statements),
        "",
        "    return EDGE_OK;",
        "}",
    ]
    return "\n".join(lines) + "\n"


def weights_header(interface: Interface, constants: Constants) -> str:
    """<name>_weights.h: declarations of the constants."""
    guard = f"{interface.macro}_WEIGHTS_H"
    return (
        f"#ifndef {guard}\n#define {guard}\n\n"
        f'#include "kernels/edgetool_kernels.h"\n\n{constants.header()}\n\n#endif\n'
    )


def weights_source(interface: Interface, constants: Constants) -> str:
    """<name>_weights.c: the constants."""
    return f'#include "{interface.name}_weights.h"\n\n{constants.source()}\n'


def _memory_lines(interface: Interface, linked: Linked | None) -> list[str]:
    lines = [
        "",
        "/* RAM is the arena, for there are no variables; input, output and stack come on top. */",
        f"#define {interface.macro}_RAM_BYTES {interface.arena_bytes}",
    ]
    if linked is not None:
        lines += [
            "",
            "/* Flash of code, constants and what the compiler adds, as linked by",
            f" * {linked.how}. */",
            f"#define {interface.macro}_FLASH_BYTES {linked.flash_bytes}",
        ]
    return [*lines, ""]


def _port_lines(macro: str, variable: str, tensor: Tensor) -> list[str]:
    shape = ", ".join(map(str, tensor.shape))
    lines = [
        "",
        f"/* {variable}: {c_type(tensor)} [{shape}], {comment_text(tensor.name)} */",
        f"#define {macro}_BYTES {tensor.nbytes}",
        f"#define {macro}_ELEMENTS {tensor.elements}",
    ]
    if tensor.quantization is not None:
        lines[1] = lines[1].removesuffix(" */") + ","
        lines.insert(2, " * real = (integer - zero point) * scale */")
        lines.append(f"#define {macro}_SCALE {float_literal(float(np.float32(tensor.scale)))}")
        lines.append(f"#define {macro}_ZERO_POINT ({tensor.zero_point})")
    return lines


def _arena_table(program: Program, plan: MemoryPlan) -> list[str]:
    """Comment lines: what lies where in the arena."""
    lines = [f" * arena: {plan.arena_bytes:,} bytes, at least {plan.lower_bound_bytes:,} needed"]
    if plan.peak_operation:
        lines[0] += f" by {comment_text(plan.peak_operation)}"
    over = {
        operation.outputs[0]: " over " + " and ".join(plan.overwritten[operation.name])
        for operation in program.operations
        if operation.name in plan.overwritten
    }
    rows = [
        (
            offset,
            program.tensors[name].nbytes,
            f"{name} {shape_text(program.tensors[name])}{over.get(name, '')}",
        )
        for name, offset in plan.offsets.items()
    ]
    rows += [(offset, 0, f"scratch of {name}") for name, offset in plan.scratch_offsets.items()]
    for offset, nbytes, text in rows:
        size = f"{nbytes:>8}" if nbytes else " " * 8
        lines.append(f" *   {offset:>8} {size}  {comment_text(text)}")
    return lines


def _checks(interface: Interface) -> list[str]:
    """Statements that refuse NULL and misaligned pointers, before anything is written."""
    pointers = [variable for _, variable, _ in interface.ports()]
    first = [] if interface.single_io else ["inputs", "outputs"]
    terms = [f"!{pointer}" for pointer in (*first, *pointers)]
    if interface.arena_bytes:
        terms += ["!arena", f"((uintptr_t)arena & {ARENA_ALIGNMENT - 1}u) != 0"]
    condition = wrap(terms, " ||", " " * 8)
    lines = [f"    if ({condition})", "        return EDGE_BAD_ARG;"]
    return lines if interface.arena_bytes else ["    (void)arena;", *lines]
