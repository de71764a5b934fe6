"""Ternary and binary weights in a Program: what they take, and what computes with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from edgetool.errors import ModelFormatError, UnsupportedOperatorError
from edgetool.exporters.tflite import export_tflite
from edgetool.kernels import choose_kernels
from edgetool.packs import find_target, kernel_folders
from edgetool.program.executor import execute
from edgetool.program.few_bits import WEIGHTED, with_few_bits
from edgetool.program.program import Program
from edgetool.program.serialize import dump_program, load_program
from golden_programs import classifier

TERNARY, BINARY = (-1, 0, 1), (-1, 1)


def with_weights_of(values: Sequence[int]) -> Program:
    """A classifier whose int8 weights are drawn from these values."""
    program, rng = classifier(), np.random.default_rng(3)
    tensors = dict(program.tensors)
    for name in weight_names(program):
        drawn = rng.choice(values, tensors[name].shape).astype(np.int8)
        tensors[name] = replace(tensors[name], data=drawn)
    return replace(program, tensors=tensors)


def weight_names(program: Program) -> list[str]:
    """Of all layers that have weights."""
    layers = (each for each in program.operations if each.operator.kind in WEIGHTED)
    return [str(layer.inputs[1]) for layer in layers]


def outputs(program: Program) -> list[np.ndarray[tuple[int, ...], np.dtype[np.int8]]]:
    """Of eight random samples."""
    tensor = program.tensors[program.inputs[0]]
    x = np.random.default_rng(1).integers(-128, 128, (8, *tensor.shape)).astype(np.int8)
    values = execute(program, {tensor.name: x})
    return [values[name] for name in program.outputs]


@pytest.mark.parametrize(
    ("values", "dtype", "bits"), [(TERNARY, "ternary", 2), (BINARY, "binary", 1)]
)
def test_weights_of_few_values_take_few_bits_and_compute_the_same(
    values: Sequence[int], dtype: str, bits: int
) -> None:
    wide = with_weights_of(values)
    few = with_few_bits(wide)
    names = weight_names(few)
    assert len(names) > 1
    for name in names:
        assert few.tensors[name].dtype == dtype
        assert few.tensors[name].nbytes == -(-wide.tensors[name].elements * bits // 8)
    for expected, found in zip(outputs(wide), outputs(few), strict=True):
        np.testing.assert_array_equal(found, expected)
        assert len(np.unique(found)) > 1


def test_weights_of_more_values_stay_as_they_are() -> None:
    for program in (classifier(), with_weights_of((-2, -1, 0, 1))):
        assert with_few_bits(program).tensors == program.tensors


@pytest.mark.parametrize("values", [TERNARY, BINARY])
def test_a_program_with_few_bits_is_read_as_it_was_written(values: Sequence[int]) -> None:
    few = with_few_bits(with_weights_of(values))
    contents = dump_program(few)
    read = load_program(contents)
    assert dump_program(read) == contents
    for name in weight_names(few):
        assert read.tensors[name].dtype == few.tensors[name].dtype
        np.testing.assert_array_equal(read.tensors[name].data, few.tensors[name].data)


def test_numbers_that_the_type_has_not_are_refused_on_reading() -> None:
    few = with_few_bits(with_weights_of(TERNARY))
    name = weight_names(few)[0]
    wrong = replace(few.tensors[name], dtype="binary")
    contents = dump_program(replace(few, tensors={**few.tensors, name: wrong}))
    with pytest.raises(ModelFormatError, match="binary numbers other than"):
        load_program(contents)


@pytest.mark.parametrize(("values", "dtype"), [(TERNARY, "ternary"), (BINARY, "binary")])
def test_c_and_tflite_refuse_them_by_layer_with_an_alternative(
    values: Sequence[int], dtype: str
) -> None:
    few = with_few_bits(with_weights_of(values))
    with pytest.raises(UnsupportedOperatorError, match=f"layer .*no {dtype} weights") as refused:
        choose_kernels(few, kernel_folders(find_target("cortex-m4")))
    assert "--precision int8" in refused.value.hints[0]
    with pytest.raises(UnsupportedOperatorError, match=f"TFLite has no {dtype} weights"):
        export_tflite(few)
