"""MLPerf Tiny's int8 models keep every bit: LiteRT's reference kernels, NumPy, C on an M4."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mlperf_tiny import IC_INT8, KWS_INT8

from compiled import (
    Array,
    assert_same_bits,
    decisions,
    emulated,
    first,
    program_of,
    random_codes,
    read_samples,
    reference,
    require_litert,
)
from edgetool.artifact import Artifact
from edgetool.compilation import CompileRequest, compile_model
from edgetool.program.memory_plan import plan_memory
from edgetool.runtimes.litert import LiteRtSession

Mirror = Callable[[str], Path]


def run_original(model: Path, artifact: Artifact, inputs: dict[str, Array]) -> dict[str, Array]:
    """LiteRT's reference kernels on the file as it was published, by the Program's names."""
    require_litert()
    program = program_of(artifact)
    sources = dict(zip(program.inputs, program.input_names, strict=True))
    found = LiteRtSession(model, reference=True).run({sources[n]: inputs[n] for n in inputs})
    return {n: found[s] for n, s in zip(program.outputs, program.output_names, strict=True)}


def test_kws_is_litert_reference_to_the_bit_on_1000_samples(
    kws_int8: Artifact, kws_data: Path, mirror_file: Mirror
) -> None:
    inputs, labels = read_samples(kws_int8, str(kws_data))
    assert len(labels) == 1000
    found = reference(kws_int8).outputs(inputs)
    assert_same_bits(run_original(mirror_file(KWS_INT8), kws_int8, inputs), found)
    assert np.count_nonzero(decisions(found) == labels) == 901
    assert kws_int8.manifest.metric["top1"].value == 0.901


def test_kws_in_c_on_an_emulated_m4_is_numpy_to_the_bit(kws_int8: Artifact, kws_data: Path) -> None:
    inputs = first(read_samples(kws_int8, str(kws_data))[0], 50)
    assert_same_bits(reference(kws_int8).outputs(inputs), emulated(kws_int8).outputs(inputs))


def test_ic_is_litert_reference_to_the_bit_on_200_random_images(
    ic_int8: Artifact, mirror_file: Mirror
) -> None:
    inputs = random_codes(program_of(ic_int8), 200, seed=1)
    found = reference(ic_int8).outputs(inputs)
    assert_same_bits(run_original(mirror_file(IC_INT8), ic_int8, inputs), found)
    assert len(set(decisions(found))) > 1


def test_ic_in_c_on_an_emulated_m4_is_numpy_to_the_bit(ic_int8: Artifact) -> None:
    inputs = random_codes(program_of(ic_int8), 10, seed=1)
    assert_same_bits(reference(ic_int8).outputs(inputs), emulated(ic_int8).outputs(inputs))


@pytest.mark.parametrize(
    ("name", "disjoint_bytes", "largest", "macs"),
    [("kws", 16_000, 8_000, 2_656_768), ("ic", 49_152, 32_768, 12_501_632)],
)
def test_arena_is_what_lives_at_once_where_outputs_lie_over_their_inputs(
    name: str, disjoint_bytes: int, largest: int, macs: int, request: pytest.FixtureRequest
) -> None:
    artifact: Artifact = request.getfixturevalue(f"{name}_int8")
    figures = {key: figure.value for key, figure in artifact.manifest.figures.items()}
    assert figures["macs"] == macs
    assert plan_memory(program_of(artifact)).arena_bytes == disjoint_bytes
    assert largest < figures["arena_lower_bound_bytes"] <= figures["arena_bytes"]
    assert figures["arena_bytes"] < disjoint_bytes  # with scratch and leads of the kernels
    assert figures["ram_bytes"] == figures["arena_bytes"]


def test_ic_with_its_first_layers_in_strips_needs_a_third_less_and_keeps_every_bit(
    ic_int8: Artifact, mirror_file: Mirror, tmp_path: Path
) -> None:
    request = CompileRequest(
        mirror_file(IC_INT8),
        "cortex-m4",
        fit="ram",
        compiler=(ic_int8.manifest.compiler or {})["family"],
        output=tmp_path / "ic",
    )
    fitted = compile_model(request)
    figures = {key: figure.value for key, figure in fitted.manifest.figures.items()}
    assert figures["arena_bytes"] <= 0.7 * ic_int8.manifest.figures["arena_bytes"].value
    assert figures["macs"] == ic_int8.manifest.figures["macs"].value
    inputs = random_codes(program_of(ic_int8), 3, seed=1)
    assert_same_bits(reference(ic_int8).outputs(inputs), emulated(fitted).outputs(inputs))
