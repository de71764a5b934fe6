"""The pass over the samples: exact, whatever shares it out, and resumable."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import networks
from edgetool.errors import QuantizationError
from edgetool.graph import Graph, make_constant
from edgetool.quantization import calibration, calibration_cache, observed_session
from edgetool.quantization.calibration import calibrate
from edgetool.quantization.histogram import BINS, SIDE, Histogram
from edgetool.quantization.layers import select_layers
from edgetool.quantization.scale_groups import ScaleGroup, group_values
from edgetool.quantization.statistics import ActivationStatistics
from qdq import graph_of, normal_samples

Samples = dict[str, NDArray[Any]]


def groups_of(graph: Graph) -> list[ScaleGroup]:
    found = group_values(select_layers(graph).layers, symmetric=False).groups
    return [group for group in found if group.fixed is None]


def summary(found: tuple[ActivationStatistics, ...]) -> list[Any]:
    """All that statistics hold, to compare."""
    return [
        (
            s.minimum,
            s.maximum,
            None if s.histogram is None else (s.histogram.exponent, s.histogram.zeros),
            None if s.histogram is None else s.histogram.counts.tolist(),
        )
        for s in found
    ]


@pytest.fixture
def network() -> Graph:
    return graph_of(networks.inverted_residual(3))


@pytest.mark.parametrize("with_histograms", [False, True])
def test_statistics_do_not_depend_on_the_number_of_workers(
    network: Graph, with_histograms: bool
) -> None:
    samples, groups = normal_samples(network), groups_of(network)
    one, three = (calibrate(network, groups, samples, with_histograms, workers=n) for n in (1, 3))
    assert summary(one) == summary(three)


def test_extremes_reduced_in_the_graph_are_those_of_the_values(network: Graph) -> None:
    samples, groups = normal_samples(network), groups_of(network)
    reduced = calibrate(network, groups, samples, with_histograms=False)
    fetched = calibrate(network, groups, samples, with_histograms=True)
    assert len(reduced) > 5
    for group, inside, outside in zip(groups, reduced, fetched, strict=True):
        assert inside.maximum == outside.maximum, group.name
        assert min(inside.minimum, 0) == min(outside.minimum, 0), group.name


@pytest.mark.parametrize(("shape", "stride"), [((1, 8, 24, 24), 1), ((1, 96, 112, 112), 11)])
def test_of_a_large_value_a_grid_with_odd_steps_leaves_the_graph(
    shape: tuple[int, ...], stride: int
) -> None:
    value = ir.Value(name="x", shape=ir.Shape(shape))
    assert observed_session._stride(value) == stride
    left = math.prod(observed_session._picked(shape, stride))
    assert left >= min(observed_session.ENOUGH, math.prod(shape))


def test_the_elements_picked_are_the_values_own(
    network: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observed_session, "ENOUGH", 4)
    monkeypatch.setattr(observed_session, "LONGEST_STRIDE", 3)
    feeds = {name: array[:1] for name, array in normal_samples(network).items()}
    watched = calibration.Watched.of(network, groups_of(network), feeds)
    names = [str(value.name) for value in watched.values]
    whole = observed_session.ValueSession(network, names).run(feeds)
    found = observed_session.ObservedSession(network, watched.values, with_elements=True).run(feeds)
    thinned = 0
    for name in names:
        step = 3 if found.elements[name].shape != whole[name].shape else 1
        thinned += step == 3
        np.testing.assert_array_equal(found.elements[name], whole[name][..., ::step, ::step])
    assert thinned > 3


def test_large_constants_that_the_values_do_not_depend_on_do_no_harm(
    network: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observed_session, "_LARGE", 1)
    feeds = {name: array[:1] for name, array in normal_samples(network).items()}
    make_constant(network.graph, "unused", np.zeros(9, np.float32))
    first = str(network.graph.node(0).outputs[0].name)  # those of later layers are not needed
    last = str(network.graph.outputs[0].name)
    for name in (first, last):
        assert name in observed_session.ValueSession(network, [name]).run(feeds)


@given(
    st.lists(
        st.lists(st.floats(-1e5, 1e5, width=32, allow_subnormal=False), min_size=1, max_size=9),
        min_size=1,
        max_size=6,
    ),
    st.randoms(),
)
@example([[0.0], [0.25]], random.Random(0))
def test_merged_histograms_are_that_of_all_values_in_any_order(
    batches: list[list[float]], order: Any
) -> None:
    def seen(values: list[float]) -> Histogram:
        histogram = Histogram()
        histogram.update(np.array(values, np.float32), min(values), max(values))
        return histogram

    whole = seen([value for batch in batches for value in batch])
    parts = [seen(batch) for batch in batches]
    order.shuffle(parts)
    merged = Histogram()
    for part in parts:
        merged.merge(part)
    assert (merged.exponent, merged.zeros) == (whole.exponent, whole.zeros)
    np.testing.assert_array_equal(merged.counts, whole.counts)


@given(st.floats(2.0**-100, 2.0**120, width=32), st.booleans())
@settings(max_examples=30)
def test_the_largest_value_lies_in_the_outer_half_of_the_bins(value: float, negative: bool) -> None:
    value = -value if negative else value
    histogram = Histogram()
    histogram.update(np.array([value], np.float32), value, value)
    (place,) = np.flatnonzero(histogram.counts)
    assert abs(place - SIDE) >= SIDE // 2 - 1
    assert 0 <= place < BINS


@pytest.mark.parametrize("with_histograms", [False, True])
def test_a_stopped_calibration_goes_on_where_it_was(
    network: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_histograms: bool
) -> None:
    monkeypatch.setattr(calibration_cache, "SAVE_EVERY_S", 0.0)
    samples, groups = normal_samples(network), groups_of(network)
    expected = calibrate(network, groups, samples, with_histograms)

    def stop(done: int, total: int, label: str) -> None:
        assert done < total, "it is to be stopped before its end"
        raise KeyboardInterrupt

    reports: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        calibrate(network, groups, samples, with_histograms, stop, tmp_path, workers=1)
    found = calibrate(
        network, groups, samples, with_histograms, lambda *r: reports.append(r[0]), tmp_path, 1
    )
    assert reports[0] == 2 * calibration._BLOCK_SAMPLES
    assert summary(found) == summary(expected)
    # And a finished one is not repeated.
    calibrate(network, groups, samples, with_histograms, lambda *r: reports.append(r[0]), tmp_path)
    assert reports[-1] == len(next(iter(samples.values())))
    assert len(reports) == 3


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 damaged", b"\x93NUMPY"])
def test_a_damaged_cache_is_made_again(
    network: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(calibration_cache, "SAVE_EVERY_S", 0.0)
    samples, groups = normal_samples(network), groups_of(network)
    expected = calibrate(network, groups, samples, True, None, tmp_path)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(content)
    assert summary(calibrate(network, groups, samples, True, None, tmp_path)) == summary(expected)


def test_other_samples_have_another_cache(
    network: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration_cache, "SAVE_EVERY_S", 0.0)
    samples, groups = normal_samples(network), groups_of(network)
    calibrate(network, groups, samples, True, None, tmp_path)
    other = {name: array * np.float32(2) for name, array in samples.items()}
    found = calibrate(network, groups, other, True, None, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    assert summary(found) == summary(calibrate(network, groups, other, True))


@pytest.mark.parametrize("with_histograms", [False, True])
def test_infinity_inside_the_network_names_value_and_sample(
    network: Graph, with_histograms: bool
) -> None:
    samples = normal_samples(network)
    for array in samples.values():
        array[5] = np.sign(array[5]) * np.float32(3e38)
    with pytest.raises(QuantizationError, match=r"activation '.+' of layer .+ holds .+ sample 5"):
        calibrate(network, groups_of(network), samples, with_histograms)
