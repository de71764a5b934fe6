"""Which layers take 4-bit weights: ranked by what they add, and no more of them than needed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import given
from hypothesis import strategies as st

import networks
from edgetool.graph import constant_array
from edgetool.graph.execute import Executor
from edgetool.passes import PassContext
from edgetool.pipeline import FLOAT, run_pipeline
from edgetool.quantization.narrow_weights import search_scales
from edgetool.quantization.narrowing import Narrowing, narrowest_within, rank_narrowings
from qdq import graph_of, normal_samples, quantize

RANKINGS = st.lists(st.tuples(st.floats(1e-6, 1), st.integers(1, 500)), min_size=1, max_size=9)


@pytest.mark.parametrize("make", [networks.residual_network, networks.inverted_residual])
def test_the_noise_is_that_of_the_float_network_with_one_layer_rounded(
    make: Callable[[int], onnx.ModelProto],
) -> None:
    reference = run_pipeline(graph_of(make(5)), PassContext(), (FLOAT,))[0]
    samples = normal_samples(reference, 10)
    ranked = rank_narrowings(reference, quantize(reference, samples).graph, samples)
    (wanted,) = Executor(reference).run_samples(samples).values()
    assert len(ranked) >= 4
    for each in (ranked[0], ranked[-1]):
        changed = reference.clone()
        node = next(node for node in changed.graph if node.name == each.layer)
        assert node.op_type == "Conv" or node.op_type == "Gemm"
        value = node.inputs[1]
        weights = constant_array(value)
        assert value is not None and weights is not None
        rows = weights.reshape(len(weights), -1)
        scale = search_scales(rows, (np.abs(rows).max(axis=1) / 7).astype(np.float32), 0)
        rounded = np.clip(np.rint(rows / scale[:, None]), -7, 7) * scale[:, None]
        contents = rounded.reshape(weights.shape).astype(np.float32)
        value.const_value = ir.tensor(contents, name=value.name)
        (found,) = Executor(changed).run_samples(samples).values()
        noise = np.square(found - wanted, dtype=np.float64).sum()
        expected = noise / np.square(wanted, dtype=np.float64).sum()
        assert each.noise == pytest.approx(expected, rel=1e-3)
        assert each.bytes_saved == weights.size // 2
    ratios = [each.noise / each.bytes_saved for each in ranked]
    assert ratios == sorted(ratios)


@given(RANKINGS, st.integers(-10, 3000))
def test_layers_free_what_is_asked_and_none_is_superfluous(
    layers: list[tuple[float, int]], wanted: int
) -> None:
    made = [Narrowing(str(index), *layer) for index, layer in enumerate(layers)]
    ranked = sorted(made, key=lambda each: each.noise / each.bytes_saved)
    found = narrowest_within(ranked, wanted)
    if found is None:
        assert sum(each.bytes_saved for each in ranked) < wanted
        return
    saved = {each.layer: each.bytes_saved for each in ranked}
    total = sum(saved[layer] for layer in found)
    assert total >= wanted
    assert all(total - saved[layer] < wanted for layer in found)
