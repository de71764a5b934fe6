"""Give the channels of an activation equal ranges: one scale then resolves all of them.

A channel divided by s in one layer is multiplied by s in the next, through a Relu and through
pools: outputs stay what they were. int8 activations have one scale a tensor, so a channel with a
tenth of the range of another has a tenth of its codes; weights have one scale for each output
channel, to which the dividing costs nothing. Source: Nagel et al. 2019, "Data-Free Quantization
Through Weight Equalization and Bias Correction", with ranges of activations for those of weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgetool.graph import Graph, constant_array, only_consumer, static_shape
from edgetool.passes.contract import PassContext, PassResult, unchanged
from edgetool.passes.linear_layers import LinearLayer, linear_layer, rescale, set_weights
from edgetool.quantization.equalization import (
    EqualizationProblem,
    ReaderWeights,
    best_factors,
)
from edgetool.quantization.observed_session import ChannelStatistics, channel_statistics
from edgetool.quantization.parameters import INT4_MAX, INT8_MAX, INT16_MAX
from edgetool.quantization.recovery_steps import EQUALIZE, chosen_steps

Array = npt.NDArray[Any]

# Operators that keep channels apart and commute with a positive factor.
TRANSPARENT = frozenset(
    {"Relu", "LeakyRelu", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"}
    | {"Identity", "Flatten", "Reshape", "Squeeze"}
)
MOST_SAMPLES = 64


@dataclass(frozen=True, eq=False)
class Site:
    """An activation between layers.

    value: with the channels to equalize, behind the Relu or Clip.   maker: the layer in front.
    readers: all layers that its channels reach.   bound: of the Clip, None without.
    """

    value: ir.Value
    maker: LinearLayer
    readers: tuple[LinearLayer, ...]
    bound: float | None = None


def run(graph: Graph, context: PassContext) -> PassResult:
    """Rescale the channels between layers where the predicted noise falls by it."""
    if context.calibration is None or EQUALIZE not in chosen_steps(context.options):
        return unchanged(graph)
    sites = find_sites(graph.graph)
    if not sites:
        return unchanged(graph)
    few = first_samples(context.calibration)
    seen = channel_statistics(graph, [site.value for site in sites], few)
    entering = channel_statistics(graph, [_input(site) for site in sites], few)
    codes = {16: INT16_MAX, 8: 255, 4: 15}[int(context.options.get("activation_bits", 8))]
    narrow = context.options.get("weight_bits", 8) == 4
    gains = []
    for site, channels, inputs in zip(sites, seen, entering, strict=True):
        problem = replace(
            equalization_problem(site, channels, inputs),
            activation_codes=codes,
            weight_codes=INT4_MAX if narrow else INT8_MAX,
        )
        factors, gain_db = best_factors(problem)
        if gain_db > 0:
            equalize(graph.graph, site, factors)
            gains.append(gain_db)
    if not gains:
        return unchanged(graph)
    return PassResult(graph, True, (note(gains, len(sites)),))


def note(gains: list[float], sites: int) -> str:
    """What was done, for the report."""
    return (
        f"channels of {len(gains)} of {sites} activations rescaled: predicted to lower the noise"
        f" of the next layer by {float(np.median(gains)):.1f} dB (median)"
    )


def first_samples(samples: Mapping[str, Array]) -> dict[str, Array]:
    """Enough of them to know the channels' ranges."""
    return {name: array[:MOST_SAMPLES] for name, array in samples.items()}


def equalization_problem(
    site: Site, channels: ChannelStatistics, inputs: ChannelStatistics
) -> EqualizationProblem:
    """The site's ranges and weights. Sites share layers, so weights are read again."""
    maker = linear_layer(site.maker.node) or site.maker
    readers = [linear_layer(reader.node) or reader for reader in site.readers]
    shared = maker.node.op_type == "Gemm"
    count = len(channels.largest)
    return EqualizationProblem(
        largest=channels.largest,
        mean_square=channels.mean_square,
        two_sided=site.value.producer() is site.maker.node,
        readers=tuple(_reader_weights(reader, count) for reader in readers),
        maker_largest=np.abs(maker.weights).reshape(count, -1).max(axis=1) if shared else None,
        maker_energy=float(inputs.mean_square.sum()),
        least=None if site.bound is None else np.minimum(channels.extreme / site.bound, 1.0),
    )


def _reader_weights(layer: LinearLayer, channels: int) -> ReaderWeights:
    """The layer's weights as (outputs, channels, taps), zero where a group does not read one."""
    weights = np.abs(layer.weights.astype(np.float64))
    if layer.node.op_type == "Gemm":
        return ReaderWeights(weights.reshape(len(weights), channels, -1), per_output=False)
    if layer.node.op_type == "ConvTranspose":
        weights = np.moveaxis(weights.reshape(layer.groups, -1, *weights.shape[1:]), 2, 1)
        weights = weights.reshape(-1, *weights.shape[2:])
    rows = weights.reshape(*weights.shape[:2], -1)
    spread = np.zeros((len(rows), channels, rows.shape[2]))
    outputs = np.arange(len(rows))
    first = outputs // (len(rows) // layer.groups) * rows.shape[1]
    for index in range(rows.shape[1]):
        spread[outputs, first + index] = rows[:, index]
    return ReaderWeights(spread, per_output=True)


def _input(site: Site) -> ir.Value:
    value = site.maker.node.inputs[0]
    if value is None:
        raise ValueError("a layer without input")
    return value


def equalize(graph: ir.Graph, site: Site, factors: Array) -> None:
    """Divide the channels of the site's value by the factors; readers multiply them again."""
    maker = linear_layer(site.maker.node) or site.maker
    rescale(graph, maker, 1 / factors, np.zeros(maker.outputs))
    for found in site.readers:
        reader = linear_layer(found.node) or found
        set_weights(graph, reader, weights_per_input(reader, factors), reader.bias)


def weights_per_input(layer: LinearLayer, factors: Array) -> Array:
    """The weights with those of each input channel multiplied by its factor, in float64."""
    weights = layer.weights.astype(np.float64)
    if layer.node.op_type == "Gemm":
        product = weights * np.repeat(factors, weights.shape[1] // len(factors))
        return np.asarray(product)
    tail = (1,) * (weights.ndim - 2)
    if layer.node.op_type == "ConvTranspose":
        return np.asarray(weights * factors.reshape(-1, 1, *tail))
    grouped = weights.reshape(layer.groups, -1, *weights.shape[1:])
    product = grouped * factors.reshape(layer.groups, 1, -1, *tail)
    return np.asarray(product.reshape(weights.shape))


def find_sites(graph: ir.Graph) -> list[Site]:
    """Every activation whose channels can be rescaled, in the graph's order."""
    sites = []
    for node in graph:
        maker = linear_layer(node)
        if maker is None:
            continue
        value, bound = _behind_activation(node.outputs[0])
        readers = _readers(value, maker.outputs)
        if readers:
            sites.append(Site(value, maker, tuple(readers), bound))
    return sites


def _behind_activation(value: ir.Value) -> tuple[ir.Value, float | None]:
    """(the value behind a Relu or a Clip from 0, the Clip's upper bound)."""
    after = only_consumer(value)
    if after is None or after.op_type not in ("Relu", "Clip"):
        return value, None
    if after.op_type == "Relu":
        return after.outputs[0], None
    bounds = [constant_array(bound) for bound in after.inputs[1:]]
    if len(bounds) != 2 or any(bound is None or bound.size != 1 for bound in bounds):
        return value, None
    low, high = (float(bound.reshape(-1)[0]) for bound in bounds if bound is not None)
    return (after.outputs[0], high) if low == 0 < high else (value, None)


def _readers(value: ir.Value, channels: int) -> list[LinearLayer] | None:
    """The layers that all uses of value lead to, None when one leads elsewhere."""
    if value.is_graph_output():
        return None
    found: list[LinearLayer] = []
    for use in value.uses():
        if use.node.op_type in TRANSPARENT and use.idx == 0 and _keeps_channels(use.node, channels):
            behind = _readers(use.node.outputs[0], channels)
            if behind is None:
                return None
            found += behind
            continue
        layer = linear_layer(use.node)
        if layer is None or use.idx != 0:
            return None
        found.append(layer)
    return found or None


def _keeps_channels(node: ir.Node, channels: int) -> bool:
    """Whether channel c stays channel c, or becomes the c-th run of equal length."""
    before = None if node.inputs[0] is None else static_shape(node.inputs[0])
    after = static_shape(node.outputs[0])
    if before is None or after is None or len(before) < 2 or len(after) < 2:
        return False
    return before[0] == after[0] == 1 and before[1] % channels == 0 and after[1] % channels == 0
