"""Where what lies in a generated folder."""

from __future__ import annotations

from pathlib import Path

from edgetool.errors import UsageError

SOURCE = "src"  # what Arduino wants, and the only folder that an include path needs
KERNELS = "kernels"  # below it: kernels include each other from there


def source_files(folder: Path) -> tuple[Path, ...]:
    """The .c files of a generated folder; examples are not among them."""
    inside = folder / SOURCE
    return (*sorted(inside.glob("*.c")), *sorted((inside / KERNELS).glob("*.c")))


def include_folders(folder: Path) -> tuple[Path, ...]:
    """What a compiler needs with -I to build or to call a generated folder's model."""
    return (folder / SOURCE,)


def generated_name(folder: Path) -> str:
    """The C prefix of a generated folder. Raises: UsageError for another kind of folder."""
    weights = sorted((folder / SOURCE).glob("*_weights.c"))
    if len(weights) != 1:
        raise UsageError(f"'{folder}' is not a folder of generated C", hints=("compile again",))
    return weights[0].stem.removesuffix("_weights")
