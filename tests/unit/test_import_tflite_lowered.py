"""Quantized TFLite operators through import, lowering and the executor: LiteRT's bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgetool.importers.tflite import read
from edgetool.program.executor import execute
from edgetool.program.lowering import lower
from lite_cases import CASES
from lite_comparison import SOURCE
from lite_models import Array, LiteWriter, random_inputs, reference_interpreter, run_reference

# Read, but without an integer form: a target refuses them by name.
NOT_LOWERED = ("maximum", "minimum", "resize_bilinear")
LOWERED = [name for name in CASES if not name.startswith(NOT_LOWERED)]
INT8_MODELS = {
    "kws": "aeea436800704fce17b17292e4412630ad856e9d777c044c64ef748a880bd0ae",
    "ic": "3c002613d1b2475eb51dd78dfb85a546c8ae658dee71cf6ade43b022fe205415",
}


def assert_same_bits(data: bytes, samples: int) -> None:
    """The executor's outputs are LiteRT's reference outputs."""
    program = lower(read(data, SOURCE), "model")
    interpreter = reference_interpreter(data)
    for seed in range(samples):
        inputs = random_inputs(interpreter, seed)
        tensors = [program.tensors[name] for name in program.inputs]
        feeds = {
            tensor.name: array.transpose(tensor.layout)[None]
            for tensor, array in zip(tensors, inputs, strict=True)
        }
        found = execute(program, feeds)
        expected = run_reference(interpreter, inputs)
        for name, wanted in zip(program.outputs, expected, strict=True):
            assert np.array_equal(in_file_order(program.tensors[name].layout, found[name]), wanted)


def in_file_order(layout: tuple[int, ...], batch: Array) -> Array:
    """The one sample of a batch, from the program's order of axes to the file's."""
    sample: Array = batch[0]
    return sample.transpose(np.argsort(layout)) if layout else sample


@pytest.mark.parametrize("name", LOWERED)
def test_lowered_operator_gives_the_bits_of_litert(name: str) -> None:
    net = LiteWriter(len(name), quantized=True)
    assert_same_bits(net.file(*CASES[name](net)), samples=4)


@pytest.mark.parametrize("name", INT8_MODELS)
def test_lowered_mlperf_model_gives_the_bits_of_litert(
    name: str, mirror_file: Callable[[str], Path]
) -> None:
    assert_same_bits(mirror_file(INT8_MODELS[name]).read_bytes(), samples=10)
