"""Finding the kernel files that a program needs: the first folder that has one wins."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgetool.errors import UnsupportedOperatorError

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
COMMON = "edgetool_kernels.h"


def kernel_files(layers: Mapping[str, str], folders: Sequence[Path]) -> dict[str, str]:
    """Contents by file name of <function>.c, and of every header and source these include.

    layers: by function, the name of a layer that calls it.
    folders: most specific first. A header "x.h" brings "x.c" along where there is one.
    Raises: UnsupportedOperatorError for a function that no folder has.
    """
    for function, layer in layers.items():
        if _find(f"{function}.c", folders) is None:
            raise _missing(function, layer, folders)
    found: dict[str, str] = {}
    wanted = [f"{function}.c" for function in layers] + [COMMON]
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


def _find(name: str, folders: Sequence[Path]) -> Path | None:
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def _missing(function: str, layer: str, folders: Sequence[Path]) -> UnsupportedOperatorError:
    return UnsupportedOperatorError(
        f"layer {layer}: there is no C kernel '{function}'",
        details=(f"looked in: {', '.join(map(str, folders)) or 'no folder'}",),
        hints=("write it: a kernels/ folder of your own target is searched first",),
    )
