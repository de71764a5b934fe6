"""Finding the kernel files that a program needs: the first folder that has one wins.

A call with a template needs no file of its own: its function is written here, as the template's
header and body with the macros of one geometry.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from edgetool.errors import UnsupportedOperatorError
from edgetool.program.operator import KernelCall

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
COMMON = "edgetool_kernels.h"


def kernel_files(
    layers: Mapping[str, str],
    folders: Sequence[Path],
    instances: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Contents by file name of <function>.c, and of every header and source these include.

    layers: by function, the name of a layer that calls it.
    folders: most specific first. A header "x.h" brings "x.c" along where there is one.
    instances: contents by file name of functions that templates make.
    Raises: UnsupportedOperatorError for a function that no folder has.
    """
    made = dict(instances or {})
    for function, layer in layers.items():
        if f"{function}.c" not in made and _find(f"{function}.c", folders) is None:
            raise _missing(function, layer, folders)
    found: dict[str, str] = dict(made)
    wanted = [f"{function}.c" for function in layers] + [COMMON]
    wanted += [name for text in made.values() for name in INCLUDE.findall(text)]
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        path = _find(name, folders)
        if path is None:  # a header of the compiler's own
            continue
        found[name] = path.read_text(encoding="utf-8")
        wanted += INCLUDE.findall(found[name])
        source = Path(name).with_suffix(".c").name
        if name.endswith(".h") and _find(source, folders) is not None:
            wanted.append(source)
    return dict(sorted(found.items()))


def instance_files(calls: Iterable[KernelCall | None]) -> dict[str, str]:
    """<function>.h and <function>.c of every call that has a template."""
    files = {}
    for call in calls:
        if call is not None and call.template:
            files[f"{call.function}.h"] = _instance_header(call)
            files[f"{call.function}.c"] = _instance_source(call)
    return files


def _instance_header(call: KernelCall) -> str:
    guard = f"{call.function.upper()}_H"
    return (
        f"#ifndef {guard}\n#define {guard}\n\n"
        f'#include "{call.template}.h"\n\n'
        f"typedef {call.template}_params {call.function}_params;\n\n"
        f"{call.template.upper()}_PROTOTYPE({call.function});\n\n"
        "#endif\n"
    )


def _instance_source(call: KernelCall) -> str:
    macros = "".join(f"#define {name} {value}\n" for name, value in call.defines.items())
    return (
        f'#include "{call.function}.h"\n\n'
        f"#define EDGE_FUNCTION {call.function}\n{macros}\n"
        f'#include "{call.template}_body.h"\n'
    )


def _find(name: str, folders: Sequence[Path]) -> Path | None:
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def _missing(function: str, layer: str, folders: Sequence[Path]) -> UnsupportedOperatorError:
    return UnsupportedOperatorError(
        f"layer {layer}: there is no C kernel '{function}'",
        details=(f"looked in: {', '.join(map(str, folders)) or 'no folder'}",),
        hints=("write it: a kernels/ folder of your own target is searched first",),
    )
