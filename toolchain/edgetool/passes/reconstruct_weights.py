"""Round each layer's weights, and set its bias, so that its outputs stay those of the float layer.

Layer by layer in the graph's order, over calibration samples, without labels or training. Scales
stay as they are: only integers change.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgetool.graph import Graph, attribute, node_label, static_shape
from edgetool.graph.execute import Executor
from edgetool.graph.operands import Operand, overwrite, read_operand
from edgetool.graph.stepwise import Samples, Stepwise
from edgetool.passes.contract import PassContext, PassResult, unchanged
from edgetool.quantization.parameters import INT4_MAX, INT8_MAX
from edgetool.quantization.patches import convolution_patches
from edgetool.quantization.reconstruction import LayerProblem, LayerSolution, set_bias, solve
from edgetool.quantization.recovery_steps import BIAS, ROUNDING, chosen_steps
from edgetool.quantization.rounding import BIAS_LIMIT

Array = npt.NDArray[Any]

MOST_SAMPLES = 256
LEAST_SAMPLES = 8
ACTIVATION_BYTES = 32 << 20  # of the largest value over all samples
MOST_INPUTS = 2048  # weights of one output: the matrices' time grows with the cube
MOST_NUMBERS = 1 << 22  # of a layer's inputs as rows
WORSE = 1.25  # by how much the error may grow, a decibel


def run(graph: Graph, context: PassContext) -> PassResult:
    """The graph with other integers in its weights and biases.

    context.float_graph: the graph before quantization; without it, or without the steps "bias" and
    "rounding" (`chosen_steps`), nothing is done.
    """
    reference, samples = context.float_graph, context.calibration
    steps = chosen_steps(context.options) & {BIAS, ROUNDING}
    if reference is None or samples is None or not steps or not graph.is_quantized():
        return unchanged(graph)
    chosen = some_samples(graph, samples)
    before = relative_error(reference, graph, chosen)
    changed = graph.clone()
    layers, skipped = reconstruct(reference, changed, chosen, steps)
    after = relative_error(reference, changed, chosen)
    if not layers:
        return unchanged(graph)
    if after > WORSE * before:  # rounding noise of this size says nothing, more is no accident
        return PassResult(
            graph, False, ("undone: the outputs came no closer to the float graph's",)
        )
    count = len(next(iter(chosen.values())))
    gain = f", {10 * np.log10(before / after):+.1f} dB SQNR on these" if after > 0 < before else ""
    what = "rounded" if ROUNDING in steps else "given a bias"
    done = f"{layers} layers {what} by their outputs over {count} samples{gain}"
    return PassResult(changed, True, (done, *skipped))


def reconstruct(
    reference: Graph, graph: Graph, samples: Mapping[str, Array], steps: Set[str]
) -> tuple[int, tuple[str, ...]]:
    """Give all layers of graph, in place, new integers; (layers done, notes on the others).

    steps: "bias", "rounding" or both.
    """
    real, integer = Stepwise(reference, samples), Stepwise(graph, samples)
    done, skipped = 0, []
    for node in integer.nodes():
        if node.op_type not in ("Conv", "Gemm", "MatMul"):
            continue
        original = real.advance_to(str(node.name))
        weights = read_operand(node, 1)
        if original is None or weights is None or weights.scale is None:
            continue
        if inputs_of_output(node, weights) > MOST_INPUTS:
            skipped.append(
                f"{node_label(node)} keeps its rounding: over {MOST_INPUTS} weights each"
            )
            continue
        problem = layer_problem(node, original, weights, integer, real.results(original))
        problem = replace(problem, has_bias=problem.has_bias and BIAS in steps)
        limit = largest_code(weights)
        solution = solve(problem, limit) if ROUNDING in steps else set_bias(problem, limit)
        write(graph.graph, node, weights, solution)
        done += 1
    return done, tuple(skipped)


def some_samples(graph: Graph, samples: Mapping[str, Array]) -> dict[str, Array]:
    """As many, evenly spread, as keep the largest value within ACTIVATION_BYTES."""
    computing = (n for n in graph.graph if read_operand(n, 0) is None)
    values = [value for node in computing for value in node.outputs]
    largest = max(4 * int(np.prod(static_shape(value) or (1,))) for value in values)
    wanted = min(max(ACTIVATION_BYTES // largest, LEAST_SAMPLES), MOST_SAMPLES)
    available = min(len(array) for array in samples.values())
    index = np.unique(np.linspace(0, available - 1, min(wanted, available)).astype(np.int64))
    return {name: array[index] for name, array in samples.items()}


def relative_error(reference: Graph, graph: Graph, samples: Mapping[str, Array]) -> float:
    """Squared error of the outputs over their squared signal, summed over outputs."""
    wanted, found = Executor(reference).run_samples(samples), Executor(graph).run_samples(samples)
    total = 0.0
    for expected, output in zip(wanted.values(), found.values(), strict=True):
        real = expected.astype(np.float64)
        signal = float((real**2).sum()) or 1.0
        total += float(((output - real) ** 2).sum()) / signal
    return total


def inputs_of_output(node: ir.Node, weights: Operand) -> int:
    """How many weights one output of the layer has."""
    shape = weights.stored.shape
    if node.op_type == "Conv":
        return int(np.prod(shape[1:]))
    return int(shape[1] if attribute(node, "transB", 0) else shape[0])


def layer_problem(
    node: ir.Node, original: ir.Node, weights: Operand, values: Stepwise, targets: Samples
) -> LayerProblem:
    """The layer as matmuls: weights of the float layer, inputs of the quantized network."""
    source, floats = node.inputs[0], read_operand(original, 1)
    if source is None or floats is None:
        raise ValueError(f"layer {node.name} has lost its input or weights")
    inputs, wanted = np.concatenate(values.value(source)), np.concatenate(targets)
    has_bias = len(node.inputs) > 2 and node.inputs[2] is not None
    if node.op_type == "Conv":
        return _convolution_problem(node, weights, floats.real, inputs, wanted, has_bias)
    matrix = floats.real if attribute(node, "transB", 0) else floats.real.T
    outputs = len(matrix)
    return LayerProblem(
        inputs.reshape(1, -1, matrix.shape[1]),
        wanted.reshape(-1, outputs).mean(axis=0, dtype=np.float64)[None],
        matrix[None],
        np.broadcast_to(np.asarray(weights.scale), (1, outputs)),
        has_bias,
    )


def _convolution_problem(
    node: ir.Node,
    weights: Operand,
    real: Array,
    inputs: Array,
    targets: Array,
    has_bias: bool,
) -> LayerProblem:
    groups = int(attribute(node, "group", 1))
    outputs, entering, *kernel = real.shape
    k = entering * int(np.prod(kernel))
    positions = int(np.prod(targets.shape)) // outputs
    step = max(positions * k * groups // MOST_NUMBERS, 1)
    rows = convolution_patches(node, inputs, kernel, targets.shape[2:], step)
    wanted = np.moveaxis(targets, 1, -1).reshape(-1, outputs)[::step]
    return LayerProblem(
        rows.reshape(-1, groups, k).transpose(1, 0, 2),
        wanted.mean(axis=0, dtype=np.float64).reshape(groups, -1),
        real.reshape(groups, outputs // groups, k),
        np.broadcast_to(np.asarray(weights.scale), (outputs,)).reshape(groups, -1),
        has_bias,
    )


def largest_code(weights: Operand) -> int:
    """127 of int8 weights, 7 of int4 ones: symmetric, as they were quantized."""
    return INT4_MAX if weights.stored.dtype == ml_dtypes.int4 else INT8_MAX


def write(graph: ir.Graph, node: ir.Node, weights: Operand, solution: LayerSolution) -> None:
    """Put the integers in the place of the present ones."""
    codes = solution.codes
    if node.op_type != "Conv" and not attribute(node, "transB", 0):
        codes = np.swapaxes(codes, 1, 2)
    overwrite(graph, node, 1, codes.reshape(weights.stored.shape).astype(weights.stored.dtype))
    bias = read_operand(node, 2)
    if solution.bias is not None and bias is not None and bias.scale is not None:
        integers = np.rint(solution.bias.reshape(-1) / bias.scale)
        integers = np.clip(integers, -BIAS_LIMIT, BIAS_LIMIT)
        overwrite(graph, node, 2, integers.astype(bias.stored.dtype))
