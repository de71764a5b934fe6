"""What a refusal for RAM says of the layer that needs most, where it overwrites its input."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetool.compilation.fitting import check_before_build
from edgetool.errors import DoesNotFitError
from edgetool.packs import find_target
from edgetool.program.ops.max_pool2d import MaxPool2D
from edgetool.program.ops.pad import Pad
from edgetool.program.program import Operation, Program
from edgetool.program.tensor import Quantization, Tensor


def padded_pools() -> Program:
    """A border, a pool whose output may follow its input closely, and one over all."""
    shapes = {"x": (1, 2, 2, 8), "a": (1, 10, 10, 8), "b": (1, 10, 10, 8), "y": (1, 1, 1, 8)}
    quantization = Quantization.per_tensor(0.1, 0)
    tensors = {name: Tensor(name, shape, "int8", quantization) for name, shape in shapes.items()}
    border = ((0, 4, 4, 0), (0, 4, 4, 0))
    steps = (
        Operation("border", Pad(*border), ("x",), ("a",)),
        Operation("pool", MaxPool2D((3, 3), (1, 1), (1, 1, 1, 1)), ("a",), ("b",)),
        Operation("last", MaxPool2D((10, 10), (1, 1), (0, 0, 0, 0)), ("b",), ("y",)),
    )
    return Program("pools", tensors, steps, ("x",), ("y",), ("x",), ("y",))


def test_the_message_says_what_output_and_input_share(tmp_path: Path) -> None:
    (tmp_path / "target.toml").write_text(
        'inherits = "cortex-m3"\ndescription = "a small board"\nclock_hz = 16_000_000\n'
        "ram_bytes = 500\nflash_bytes = 100_000\n"
        '[facts]\nram_bytes = "its maker"\nflash_bytes = "its maker"\nclock_hz = "its maker"\n'
    )
    with pytest.raises(DoesNotFitError) as refused:
        check_before_build(padded_pools(), find_target(str(tmp_path)), "balanced")
    total, largest = refused.value.details
    assert total == "arena and static data 896 bytes, input and output 40 bytes"
    assert largest == (
        "largest: layer pool, bytes live at once: a 800, b 800;"
        " 704 of them twice: its output lies over its input"
    )
