"""Networks of known dead channels, compiled: exactly those go, and every output bit stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest

from compiled import (
    assert_same_bits,
    compiled,
    emulated,
    first,
    program_of,
    random_codes,
    reference,
    require_emulator,
)
from edgetool import pipeline
from edgetool.graph import Graph
from edgetool.importers import load_model
from edgetool.passes import PassContext
from edgetool.program.boundary import from_program, to_program, with_io
from edgetool.program.executor import execute
from edgetool.program.lowering import lower
from edgetool.program.program import Program
from networks import SeparableNetwork, random_inputs, separable_network

SAMPLES, EMULATED = 500, 50
UNFOLDED = [step for step in pipeline.FLOAT if step.name != "fold_constant_channels"]
NETWORKS = [(1, 3, True), (2, 6, True), (3, 4, False)]  # seed, dead channels, padded


def convolution_widths(program: Program) -> dict[str, int]:
    """Output channels by layer."""
    return {
        operation.name: program.tensors[operation.outputs[0]].shape[-1]
        for operation in program.operations
        if operation.operator.kind in ("conv2d", "depthwise_conv2d")
    }


def removed(before: Program, after: Program) -> dict[str, int]:
    left, gone = convolution_widths(after), {}
    for layer, width in convolution_widths(before).items():
        if width > left[layer]:
            gone[layer] = width - left[layer]
    return gone


def quantized_with_dead_channels(model: Path) -> Graph:
    """The QDQ graph as a tool makes it that folds nothing."""
    network = onnx.load(model)
    samples = {
        name: np.concatenate([random_inputs(network, s)[name] for s in range(16)])
        for name in random_inputs(network, 0)
    }
    context = PassContext(calibration=samples)
    unfolded = tuple(s for s in pipeline.QUANTIZE if s.name != "fold_constant_channels")
    stages = (UNFOLDED, unfolded)
    return pipeline.run_pipeline(load_model(model), context, stages)[0]


def saved(folder: Path, seed: int, dead: int, padded: bool) -> tuple[SeparableNetwork, Path]:
    network = separable_network(seed, dead, padded=padded)
    onnx.save(network.model, folder / "float.onnx")
    return network, folder / "float.onnx"


@pytest.mark.parametrize(("seed", "dead", "padded"), NETWORKS)
def test_int8_network_shrinks_by_its_dead_channels_and_keeps_every_bit_in_numpy_and_c(
    seed: int, dead: int, padded: bool, tmp_path: Path
) -> None:
    require_emulator()
    network, model = saved(tmp_path, seed, dead, padded)
    graph = quantized_with_dead_channels(model)
    whole = with_io(lower(graph, "whole"), "int8")
    onnx.save(ir.to_proto(graph.model), tmp_path / "int8.onnx")
    artifact = compiled(tmp_path / "artifact", tmp_path / "int8.onnx", "cortex-m4")
    program = program_of(artifact)
    wanted = {layer: len(channels) for layer, channels in network.removable.items()}
    assert removed(whole, program) == wanted
    assert sum(wanted.values()) == network.dead_count
    inputs = random_codes(program, SAMPLES, seed)
    expected = execute(whole, inputs)
    assert_same_bits(expected, reference(artifact).outputs(inputs))
    few = first(inputs, EMULATED)
    assert_same_bits(first(expected, EMULATED), emulated(artifact).outputs(few))


@pytest.mark.parametrize(("seed", "dead", "padded"), NETWORKS)
def test_float_network_shrinks_by_its_dead_channels_and_computes_the_same(
    seed: int, dead: int, padded: bool, tmp_path: Path
) -> None:
    network, model = saved(tmp_path, seed, dead, padded)
    unfolded, _ = pipeline.run_pipeline(load_model(model), PassContext(), (UNFOLDED,))
    artifact = compiled(
        tmp_path / "artifact", model, "cortex-m4", precision="float32", compiler="none"
    )
    program = program_of(artifact)
    wanted = {layer: len(channels) for layer, channels in network.removable.items()}
    assert removed(lower(unfolded, "whole"), program) == wanted
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    for number in range(8):
        inputs = random_inputs(network.model, number)
        (expected,) = session.run(None, inputs)
        (found,) = from_program(program, execute(program, to_program(program, inputs))).values()
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
