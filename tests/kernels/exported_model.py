"""Generated C compiled for this machine with sanitizers, and run on samples through files."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edgetool.exporters.c import CSources, export_c
from edgetool.program.operator import Array
from edgetool.program.program import Program

PORTABLE = Path(__file__).parents[2] / "targets" / "portable" / "kernels"
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wpedantic"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-ffp-contract=off"]

# Every buffer has exactly its size on the heap: the sanitizer sees the first byte beyond.
DRIVER = """#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "{name}.h"
#define COUNT(array) (sizeof(array) / sizeof(array[0]))
static const size_t in_bytes[] = {{{inputs}}}, out_bytes[] = {{{outputs}}};
static void *in[COUNT(in_bytes)], *out[COUNT(out_bytes)];
static int infer(void)
{{
    uint8_t *arena = {arena};
    if (arena) memset(arena, 0x5a, {name_upper}_ARENA_BYTES);
    const int status = {call};
    free(arena);
    return status;
}}
int main(void)
{{
    for (size_t i = 0; i < COUNT(in); i++) in[i] = malloc(in_bytes[i]);
    for (size_t i = 0; i < COUNT(out); i++) out[i] = malloc(out_bytes[i]);
    for (;;) {{
        for (size_t i = 0; i < COUNT(in); i++)
            if (fread(in[i], 1, in_bytes[i], stdin) != in_bytes[i]) goto end;
        const int status = infer();
        if (status != EDGE_OK) return 100 + status;
        for (size_t i = 0; i < COUNT(out); i++) fwrite(out[i], 1, out_bytes[i], stdout);
    }}
end:
    for (size_t i = 0; i < COUNT(in); i++) free(in[i]);
    for (size_t i = 0; i < COUNT(out); i++) free(out[i]);
    return 0;
}}
"""


def export(program: Program, folder: Path) -> CSources:
    """The program's C with the portable kernels."""
    return export_c(program, folder, name=program.name, kernel_folders=[PORTABLE])


def build(sources: CSources, compiler: str, folder: Path) -> Path:
    """An executable that reads inputs from stdin and writes outputs to stdout."""
    types = "in[0], out[0], arena" if sources.single_io else "(const void *const *)in, out, arena"
    # aligned_alloc wants a multiple of the alignment: the arena's end is not watched to the byte
    rounded = -(-sources.arena_bytes // 16) * 16
    text = DRIVER.format(
        name=sources.name,
        name_upper=sources.name.upper(),
        inputs=", ".join(map(str, sources.input_bytes)),
        outputs=", ".join(map(str, sources.output_bytes)),
        arena=f"aligned_alloc(16, {rounded})" if rounded else "NULL",
        call=f"{sources.name}_run({types})",
    )
    driver, program = folder / "driver.c", folder / "driver"
    driver.write_text(text)
    include = [f"-I{path}" for path in sources.include]
    compile_model = ["-std=c99", "-O1", "-g", *WARNINGS, *SANITIZERS, *include]
    objects = []
    for source in sources.sources:
        objects.append(str(folder / f"{source.stem}.o"))
        subprocess.run([compiler, *compile_model, "-c", source, "-o", objects[-1]], check=True)
    link = ["-std=c11", "-g", *SANITIZERS, *include, str(driver), *objects]
    subprocess.run([compiler, *link, "-o", str(program)], check=True)
    return program


def run(executable: Path, program: Program, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Outputs (samples, *shape) by tensor name."""
    samples = len(inputs[program.inputs[0]])
    request = b"".join(
        inputs[name][index].tobytes() for index in range(samples) for name in program.inputs
    )
    done = subprocess.run([executable], input=request, capture_output=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"exit {done.returncode}: {done.stderr.decode()[-2000:]}")
    tensors = [program.tensors[name] for name in program.outputs]
    sizes = [tensor.nbytes for tensor in tensors]
    table = np.frombuffer(done.stdout, np.uint8).reshape(samples, sum(sizes))
    columns = np.split(table, np.cumsum(sizes)[:-1], axis=1)
    return {
        tensor.name: np.ascontiguousarray(part).view(tensor.dtype).reshape(samples, *tensor.shape)
        for tensor, part in zip(tensors, columns, strict=True)
    }
