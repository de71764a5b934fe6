"""Scales, zero points, weights and biases, read back from .onnx, .tflite and C, are equal.

Whether one pass chose them, or recovery changed channels and rounding before and after.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
from stored_parameters import (
    arrays_of_c,
    assert_same,
    constants_of_tflite,
    fixed_point,
    layers_of_onnx,
    of_c_header,
    of_onnx,
    of_tflite,
)

from compiled import Array, program_of
from edgetool.artifact import ONNX, SOURCES, TFLITE, Artifact
from edgetool.exporters.c import export_c
from edgetool.packs.finding import built_in_root
from edgetool.program.program import Program

LAYERS = 10  # of the keyword spotter: nine convolutions and a dense layer
ACTIVATIONS = LAYERS + 3  # each layer's result, the input, the mean and the softmax


def test_tflite_has_the_parameters_of_onnx_to_the_bit(kws_carried: Artifact) -> None:
    in_onnx = of_onnx(kws_carried.folder / ONNX)
    in_tflite = of_tflite(kws_carried.folder / TFLITE)
    own = {name for name in in_tflite if not name.endswith("_reshape")}
    assert len(own) == ACTIVATIONS + 2 * LAYERS
    for name in own:  # inputs and outputs of the model keep their names: no "_quantized"
        wanted = in_onnx[name] if name in in_onnx else in_onnx[f"{name}_quantized"]
        assert_same(wanted, in_tflite[name], name)


def test_tflite_has_the_weights_and_biases_of_onnx(kws_carried: Artifact) -> None:
    model = onnx.load(kws_carried.folder / ONNX)
    in_onnx = {c.name: onnx.numpy_helper.to_array(c) for c in model.graph.initializer}
    in_tflite = constants_of_tflite(kws_carried.folder / TFLITE)
    carried = in_tflite.keys() & in_onnx.keys()
    assert len(carried) == 2 * LAYERS
    for name in carried:
        np.testing.assert_array_equal(in_tflite[name], as_tflite(in_onnx[name], in_tflite[name]))


def as_tflite(constant: Array, found: Array) -> Array:
    """OIHW as OHWI, of a depthwise convolution (one kernel in found) as 1HWO."""
    if constant.ndim != 4:
        return constant
    return constant.transpose((1, 2, 3, 0) if found.shape[0] == 1 else (0, 2, 3, 1))


def test_c_header_has_the_parameters_of_onnx_to_the_bit(kws_carried: Artifact) -> None:
    program, in_onnx = program_of(kws_carried), of_onnx(kws_carried.folder / ONNX)
    stored = of_c_header(kws_carried.folder / SOURCES / "src" / f"{program.name}.h")
    for end, (name,) in (("INPUT", program.input_names), ("OUTPUT", program.output_names)):
        (scale,), (zero_point,) = in_onnx[f"{name}_quantized"]
        assert stored[end] == (scale, zero_point)


def general_weights(program: Program, folder: Path) -> Path:
    """The constants of C that calls the portable kernels and none of their variants."""
    general = folder / "kernels"
    shutil.copytree(built_in_root() / "targets" / "portable" / "kernels", general)
    (general / "kernels.toml").unlink()
    sources = export_c(program, folder / "c", name=program.name, kernel_folders=[general])
    return sources.directory / "src" / f"{sources.name}_weights.c"


def test_c_multiplies_by_the_scales_of_onnx(kws_carried: Artifact, tmp_path: Path) -> None:
    """In the general kernels, which read LiteRT's multipliers; variants fold them with others."""
    parameters = {n: p[0].astype(float) for n, p in of_onnx(kws_carried.folder / ONNX).items()}
    layers = layers_of_onnx(kws_carried.folder / ONNX)
    weights_c = general_weights(program_of(kws_carried), tmp_path)
    multipliers, shifts = arrays_of_c(weights_c, "_multipliers"), arrays_of_c(weights_c, "_shifts")
    assert len(layers) == len(multipliers) == len(shifts) == LAYERS
    for (data, weights, result), *found in zip(layers, multipliers, shifts, strict=True):
        reals = parameters[data] * parameters[weights] / parameters[result]
        if (data, weights, result) == layers[-1]:  # dense: the factor in double, to the bit
            np.testing.assert_array_equal(found[0] * np.exp2(-found[1]), reals)
        else:
            np.testing.assert_array_equal(np.transpose(found), [fixed_point(r) for r in reals])
