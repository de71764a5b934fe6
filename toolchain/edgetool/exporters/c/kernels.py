"""Finding the kernel files that a program needs: the first folder that has one wins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from edgetool.errors import UnsupportedOperatorError

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
COMMON = "edgetool_kernels.h"


def kernel_files(functions: Iterable[str], folders: Sequence[Path]) -> dict[str, str]:
    """Contents by file name of <function>.c, and of every header and source these include.

    folders: most specific first. A header "x.h" brings "x.c" along where there is one.
    Raises: UnsupportedOperatorError for a function that no folder has.
    """
    found: dict[str, str] = {}
    wanted = [f"{function}.c" for function in sorted(set(functions))] + [COMMON]
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        path = _find(name, folders)
        if path is None:
            if not name.endswith(".h"):
                raise _missing(name, folders)
            continue
        found[name] = path.read_text(encoding="utf-8")
        wanted += INCLUDE.findall(found[name])
        source = Path(name).with_suffix(".c").name
        if name.endswith(".h") and _find(source, folders) is not None:
            wanted.append(source)
    return dict(sorted(found.items()))


def _find(name: str, folders: Sequence[Path]) -> Path | None:
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def _missing(name: str, folders: Sequence[Path]) -> UnsupportedOperatorError:
    return UnsupportedOperatorError(
        f"there is no C kernel '{name.removesuffix('.c')}'",
        details=(f"looked in: {', '.join(map(str, folders)) or 'no folder'}",),
        hints=("write it with the portable kernels' conventions", "--precision int8 or float32"),
    )
