"""One set of ranges for a model: by a rule, or the set that serves samples held back best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.graph import Graph
from edgetool.graph.execute import Executor
from edgetool.quantization.insertion import QdqWriter
from edgetool.quantization.layers import select_layers
from edgetool.quantization.measured_ranges import Observed, choose_by_output
from edgetool.quantization.parameters import ActivationParameters, Range, activation_parameters
from edgetool.quantization.quantized_graph import insert_quantization
from edgetool.quantization.ranges import DEFAULT_METHOD, candidate_ranges, choose_range
from edgetool.quantization.scale_groups import Grouping, ScaleGroup, bits_of, group_values
from edgetool.quantization.statistics import ActivationStatistics

Array = npt.NDArray[Any]
Samples = Mapping[str, Array]
Pairs = Sequence[tuple[ScaleGroup, ActivationStatistics]]
Ranges = dict[ScaleGroup, Range]

RULES = (DEFAULT_METHOD, "minmax", "mse", "lp")
BY_OUTPUT = "by output"
HELD_BACK = 4  # one sample in so many
MOST_HELD_BACK = 64


@dataclass(frozen=True)
class Form:
    """symmetric: zero point 0 everywhere.   bits: of activations.   weight_bits: of weights.

    narrow: names of nodes whose weights take 4 bits in any case.
    """

    symmetric: bool
    bits: int
    weight_bits: int
    narrow: frozenset[str] = frozenset()


def ranges_by_rule(pairs: Pairs, method: str, symmetric: bool, bits: int = 8) -> Ranges:
    """Each group's range by one method.   bits: of activations."""
    found = {}
    for group, seen in pairs:
        # What the model answers is not cut off: nothing behind it could make up for that.
        leaves = any(value.is_graph_output() for value in group.members)
        own = bits_of(group, bits)
        chosen = choose_range(seen, "minmax" if leaves else method, symmetric, own)
        found[group] = _widened(chosen, group)
    return found


def choose_ranges(
    graph: Graph, pairs: Pairs, samples: Samples, form: Form, refine: bool
) -> tuple[Ranges, tuple[str, ...]]:
    """The set of ranges closest to the float graph on samples held back, and what it gained.

    The sets: of each rule for all activations, and the one put together from all rules by what
    each range does to the outputs (`measured_ranges`) over the other samples.
    refine: search around each range of that set, too.
    """
    chosen_on, held_back = _part(samples)
    sets = {rule: ranges_by_rule(pairs, rule, form.symmetric) for rule in RULES}
    sets[BY_OUTPUT] = _by_output(graph, pairs, chosen_on, form, refine)
    real = _outputs(graph, held_back)
    scores = {
        name: _mean_db(real, _outputs(_quantized(graph, found, form), held_back))
        for name, found in sets.items()
    }
    best = max(scores, key=lambda name: scores[name])
    gain = scores[best] - scores[DEFAULT_METHOD]
    count = len(next(iter(held_back.values())))
    told = (
        f"{best} ranges chosen over {count} samples held back: {gain:+.1f} dB beside"
        f" {DEFAULT_METHOD} ones"
    )
    return sets[best], (told,)


def group_parameters(
    grouping: Grouping, ranges: Mapping[ScaleGroup, Range], form: Form
) -> dict[ScaleGroup, ActivationParameters]:
    """Scale and zero point of every group."""
    return {
        group: group.fixed
        or activation_parameters(ranges[group], form.symmetric, bits_of(group, form.bits))
        for group in grouping.groups
    }


def _part(samples: Samples) -> tuple[Samples, Samples]:
    """(samples to choose on, samples held back); all for both where there are very few."""
    count = min(len(array) for array in samples.values())
    back = np.arange(count) % HELD_BACK == HELD_BACK - 1
    if count < HELD_BACK:
        return samples, samples
    few = np.flatnonzero(back)[:MOST_HELD_BACK]
    return (
        {name: array[:count][~back] for name, array in samples.items()},
        {name: array[few] for name, array in samples.items()},
    )


def _by_output(graph: Graph, pairs: Pairs, samples: Samples, form: Form, refine: bool) -> Ranges:
    observed = [
        Observed(
            tuple(str(value.name) for value in group.observed),
            tuple(_widened(c, group) for c in candidate_ranges(seen, form.symmetric)),
            _widened(Range.including_zero(seen.minimum, seen.maximum), group),
        )
        for group, seen in pairs
    ]
    choice = choose_by_output(graph, observed, samples, form.symmetric, refine)
    return {group: found for (group, _), found in zip(pairs, choice.ranges, strict=True)}


def _quantized(graph: Graph, ranges: Ranges, form: Form) -> Graph:
    """A copy of the graph, quantized in these ranges."""
    copy = graph.clone()
    selection = select_layers(copy, form.bits)
    own = group_values(selection.layers, form.symmetric, form.bits)
    by_name = {group.name: found for group, found in ranges.items()}
    moved = {group: by_name[group.name] for group in own.groups if group.fixed is None}
    parameters = group_parameters(own, moved, form)
    writer = QdqWriter(
        copy.graph, parameters, form.symmetric, form.bits, form.weight_bits, form.narrow
    )
    insert_quantization(writer, selection, own)
    return copy


def _outputs(graph: Graph, samples: Samples) -> Array:
    """All outputs of each sample, float64 (samples, n)."""
    found = Executor(graph).run_samples(samples)
    rows = [array.reshape(len(array), -1) for array in found.values()]
    return np.concatenate(rows, axis=1).astype(np.float64)


def _mean_db(real: Array, found: Array) -> float:
    """Mean over samples of each one's SQNR: few would outweigh all others in a common sum."""
    signal, noise = np.square(real).sum(axis=1), np.square(found - real).sum(axis=1)
    signal = np.maximum(signal, 1e-30)
    return float((10 * np.log10(signal / np.maximum(noise, 1e-9 * signal))).mean())


def _widened(chosen: Range, group: ScaleGroup) -> Range:
    """The range, with what it must hold beside the values seen."""
    low = min((chosen.low, *group.included))
    return Range(low, max((chosen.high, *group.included)))
