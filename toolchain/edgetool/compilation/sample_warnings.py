"""What makes samples suspicious without making them unusable: said, never refused."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from edgetool.data import Dataset
from edgetool.program.program import Program
from edgetool.program.tensor import Quantization

FEW_SAMPLES = 50
"""Below this ranges miss what the network really sees: docs/quantization.md has what it costs."""
SATURATED_SHARE = 0.01
"""Of an input's values; calibration at 99.99 % cuts off a hundredth of this."""
PIXEL_MAXIMUM = 255


def calibration_warnings(calibration: Dataset | None) -> tuple[str, ...]:
    """Notes on calibration samples that are few, alike, or pixels that nobody scaled."""
    if calibration is None:
        return ()
    return few_samples_note(calibration) + unscaled_pixels_note(calibration)


def few_samples_note(calibration: Dataset) -> tuple[str, ...]:
    """A note where fewer than FEW_SAMPLES samples differ from each other."""
    different = len(set(calibration.sample_hashes()))
    if different >= FEW_SAMPLES:
        return ()
    count = f"{calibration.samples} sample{'s' if calibration.samples > 1 else ''}"
    if different < calibration.samples:
        same = "all the same" if different == 1 else f"only {different} of them different"
        count += f", {same}"
    return (f"calibration data hold {count}: ranges from so few miss values; give 100 to 500",)


def unscaled_pixels_note(calibration: Dataset) -> tuple[str, ...]:
    """A note where a float input gets nothing but whole numbers from 0 to 255."""
    names = [name for name, array in calibration.inputs.items() if _are_bytes(array)]
    return tuple(
        f"calibration data for input '{name}' are whole numbers from 0 to {PIXEL_MAXIMUM}: pixels"
        " as they are stored. A model trained on 0..1 or -1..1 needs them scaled the same way"
        for name in names
    )


def _are_bytes(array: npt.NDArray[np.generic]) -> bool:
    if array.dtype.kind != "f" or not array.size:
        return False
    low, high = float(array.min()), float(array.max())
    # Counts and one-hot vectors are whole numbers too, but stay far below.
    if low < 0 or not PIXEL_MAXIMUM / 2 < high <= PIXEL_MAXIMUM:
        return False
    return bool(np.array_equal(array, np.rint(array)))


def saturation_notes(program: Program | None, dataset: Dataset | None) -> tuple[str, ...]:
    """Notes on inputs of which more than SATURATED_SHARE lies outside what their codes hold."""
    if program is None or dataset is None:
        return ()
    notes = []
    for name, quantization, dtype in _quantized_inputs(program):
        array, (low, high) = dataset.inputs[name], _held(quantization, dtype)
        if array.dtype.kind != "f" or not array.size:
            continue
        share = float(((array < low) | (array > high)).mean())
        if share > SATURATED_SHARE:
            notes.append(
                f"{share:.1%} of the samples' values for input '{name}' saturate: they are"
                f" {array.min():.4g} to {array.max():.4g}, {dtype} holds {low:.4g} to {high:.4g};"
                " are they preprocessed like the calibration data?"
            )
    return tuple(notes)


def _quantized_inputs(program: Program) -> Iterator[tuple[str, Quantization, str]]:
    """(source name, parameters, type) of each input that is an integer or becomes one at once."""
    readers = {op.inputs[0]: op.outputs[0] for op in reversed(program.operations) if op.inputs
               and op.operator.kind == "quantize"}  # fmt: skip
    for name, source in zip(program.inputs, program.input_names, strict=True):
        tensor = program.tensors[readers.get(name, name)]
        if tensor.quantization is not None:
            yield source, tensor.quantization, tensor.dtype


def _held(quantization: Quantization, dtype: str) -> tuple[float, float]:
    """The real values of the smallest and the largest code, half a step beyond included."""
    info = np.iinfo(dtype)
    scale, zero_point = float(quantization.scale[0]), int(quantization.zero_point[0])
    return (info.min - zero_point - 0.5) * scale, (info.max - zero_point + 0.5) * scale
