"""Artifacts that tests compile, and their outputs in each executor."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetool.artifact import Artifact
from edgetool.compilation import CompileRequest, compile_model
from edgetool.compilation.ports import specs_of_artifact
from edgetool.data import load_data
from edgetool.program.boundary import to_program
from edgetool.program.program import Program
from edgetool.verification.runners import ReferenceRunner, Runner, Subject
from needs import require_module

Array = NDArray[Any]

# For tests with a HOME of their own: zig builds a C library in a minute, and keeps it here.
ZIG_CACHE = os.environ.get("ZIG_GLOBAL_CACHE_DIR") or str(Path.home() / ".cache" / "zig")
MCU = "pip install 'edgetool[mcu]'"
LITERT = "pip install 'edgetool[litert]'"


def require_emulator() -> None:
    """Go on where the pip-only compiler and emulator are installed."""
    require_module("ziglang", MCU)
    require_module("unicorn", MCU)


def require_litert() -> None:
    """Go on where LiteRT is installed."""
    require_module("ai_edge_litert", LITERT)


def compiled(folder: Path, model: Path, target: str, **options: Any) -> Artifact:
    """The artifact of a model; options as those of CompileRequest."""
    return compile_model(CompileRequest(model=model, target=target, output=folder, **options))


def program_of(artifact: Artifact) -> Program:
    program = artifact.program()
    assert program is not None
    return program


def read_samples(artifact: Artifact, data: str) -> tuple[dict[str, Array], Array]:
    """(inputs by tensor name as the Program takes them, labels) of a data specification."""
    dataset = load_data(data, specs_of_artifact(artifact))
    assert dataset.labels is not None
    return to_program(program_of(artifact), dataset.inputs), dataset.labels.reshape(-1)


def random_codes(program: Program, count: int, seed: int) -> dict[str, Array]:
    """Uniform over int8, for each input."""
    rng = np.random.default_rng(seed)
    shapes = {name: program.tensors[name].shape for name in program.inputs}
    return {n: rng.integers(-128, 128, (count, *s), np.int8) for n, s in shapes.items()}


def first(inputs: Mapping[str, Array], count: int) -> dict[str, Array]:
    return {name: array[:count] for name, array in inputs.items()}


def reference(artifact: Artifact) -> Runner:
    """The NumPy executor."""
    return ReferenceRunner(Subject(artifact, program_of(artifact)))


def emulated(artifact: Artifact, compiler: str = "clang") -> Runner:
    """The artifact's C in unicorn."""
    from edgetool.verification.emulator import EmulatorRunner

    require_emulator()
    subject = Subject(artifact, artifact.c_program() or program_of(artifact))
    return EmulatorRunner(subject, artifact.target(), compiler, "unicorn")


def decisions(outputs: Mapping[str, Array]) -> Array:
    """The class with the largest score, for each sample."""
    (scores,) = outputs.values()
    classes: Array = np.argmax(scores.reshape(len(scores), -1), axis=1)
    return classes


def assert_same_bits(one: Mapping[str, Array], other: Mapping[str, Array]) -> None:
    assert set(one) == set(other)
    for name, wanted in one.items():
        assert wanted.dtype == other[name].dtype
        np.testing.assert_array_equal(wanted, other[name])
