"""What four generations of trtexec write becomes one schema, and hostile files an error."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boards.trees import MODEL, install_trtexec
from edgetool.errors import (
    DeviceError,
    DoesNotFitError,
    EdgetoolError,
    ProtocolError,
    UnsupportedOperatorError,
)
from edgetool.runtimes.tensorrt.failures import explain_failure
from edgetool.runtimes.tensorrt.flags import Timing, infer_command, time_command
from edgetool.runtimes.tensorrt.layers import LayerProfile, parse_layers
from edgetool.runtimes.tensorrt.outputs import OutputTensor, parse_outputs
from edgetool.runtimes.tensorrt.times import TimingTrace, parse_times
from edgetool.runtimes.tensorrt.versions import parse_version

GENERATIONS = ("8.2.1", "8.5.2", "10.3.0", "11.1.0")
TIMING = Timing(warm_up_ms=20, iterations=50)
PARSERS = {
    "times": lambda data: parse_times(data, warm_up_ms=0),
    "layers": parse_layers,
    "outputs": parse_outputs,
}


def written_by(version: str, folder: Path, **changes: Any) -> dict[str, bytes]:
    """The three files of a trtexec of this version."""
    of = parse_version(version)
    program = folder / "trtexec"
    numbers = (of.major, of.minor, of.patch)
    install_trtexec(program, numbers, "8.7", True, **changes)
    (folder / "e").write_text(json.dumps({"tensorrt": numbers, "sm": "8.7"}))
    (folder / "i").write_bytes(bytes(256))
    timed = time_command(of, TIMING, engine="e", times="times", layers="layers")
    inferred = infer_command(of, engine="e", outputs="outputs", inputs={"input": "i"})
    for command in (timed, inferred):
        arguments = [sys.executable, str(program), *command[1:]]
        subprocess.run(arguments, cwd=folder, check=True, capture_output=True, timeout=60)
    return {name: (folder / name).read_bytes() for name in PARSERS}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    """Files by version."""
    return {v: written_by(v, tmp_path_factory.mktemp("trtexec")) for v in GENERATIONS}


def read(written: dict[str, bytes]) -> tuple[TimingTrace, LayerProfile, tuple[OutputTensor, ...]]:
    return (
        parse_times(written["times"], warm_up_ms=TIMING.warm_up_ms),
        parse_layers(written["layers"]),
        parse_outputs(written["outputs"]),
    )


def test_the_same_board_gives_the_same_figures_in_every_generation(
    files: dict[str, dict[str, bytes]],
) -> None:
    traces, profiles, outputs = zip(*(read(files[version]) for version in GENERATIONS), strict=True)
    assert len({len(trace.latency_s) for trace in traces}) == 1
    for trace in traces[1:]:
        assert trace.compute_s == pytest.approx(traces[0].compute_s, rel=1e-3)
        assert trace.latency_s == pytest.approx(traces[0].latency_s, rel=1e-3)
    shares = {tuple((layer.name, round(layer.share, 6)) for layer in p.layers) for p in profiles}
    assert len(shares) == 1
    assert len(set(outputs)) == 1


def test_latency_is_copying_in_computing_and_copying_out_in_seconds(
    files: dict[str, dict[str, bytes]],
) -> None:
    trace = read(files["11.1.0"])[0]
    assert trace.compute_s[0] == pytest.approx(1e-3, rel=0.03)
    assert trace.h2d_s[0] == trace.d2h_s[0] == pytest.approx(0.125e-3, rel=1e-3)
    assert trace.latency_s[0] == pytest.approx(trace.compute_s[0] + 0.25e-3, rel=1e-2)
    assert trace.series()["latency"].unit == "s"


def test_only_8_2_leaves_the_median_of_a_layer_out(files: dict[str, dict[str, bytes]]) -> None:
    said = {v: {layer.statistic for layer in read(files[v])[1].layers} for v in GENERATIONS}
    assert said == {"8.2.1": {"mean"}, **{v: {"median"} for v in GENERATIONS[1:]}}
    layers = read(files["8.5.2"])[1].layers
    assert [layer.reformats for layer in layers] == [True, False, False]
    assert layers[1].time_s == pytest.approx(0.8e-3)
    assert sum(layer.share for layer in layers) == pytest.approx(1)


def test_warm_up_that_8_2_writes_is_not_counted(files: dict[str, dict[str, bytes]]) -> None:
    written = len(json.loads(files["8.2.1"]["times"]))
    assert written > len(read(files["8.2.1"])[0].latency_s) == TIMING.iterations


def test_outputs_are_those_of_the_model(files: dict[str, dict[str, bytes]]) -> None:
    (output,) = read(files["10.3.0"])[2]
    assert (output.name, output.shape) == ("output", (1, 4))
    assert output.values == tuple(MODEL["outputs"][0]["values"])


def test_a_layer_whose_name_breaks_the_json_is_read_all_the_same(tmp_path: Path) -> None:
    name = 'conv "a" \\ {ForeignNode[x...y]} + b'
    written = written_by("10.3.0", tmp_path, layers=[[name, 0.5], ["fc", 0.5]])
    with pytest.raises(ValueError, match="delimiter"):
        json.loads(written["layers"])
    assert [layer.name for layer in parse_layers(written["layers"]).layers] == [name, "fc"]


def test_an_output_that_is_not_a_number_arrives_as_one() -> None:
    text = b'[ { "name" : "y"\n , "dimensions" : "3"\n , "values" : [ nan, -inf, 1 ]\n }\n]'
    (output,) = parse_outputs(text)
    assert str(output.values) == "(nan, -inf, 1.0)"


def with_change(files: dict[str, bytes], name: str, old: bytes, new: bytes) -> bytes:
    assert old in files[name]
    return files[name].replace(old, new, 1)


@pytest.mark.parametrize("value", [b"-1", b"nan", b"NaN", b"Infinity", b"1e300", b"true", b'"1"'])
def test_a_time_that_no_inference_takes_is_refused(
    value: bytes, files: dict[str, dict[str, bytes]]
) -> None:
    data = files["10.3.0"]["times"]
    head, _, rest = data.rpartition(b'"computeMs" : ')
    with pytest.raises(ProtocolError, match=r"computeMs|JSON"):
        parse_times(head + b'"computeMs" : ' + value + rest[rest.index(b",") :], warm_up_ms=0)


def test_parts_that_do_not_add_up_are_refused(files: dict[str, dict[str, bytes]]) -> None:
    records = json.loads(files["10.3.0"]["times"])
    records[3]["latencyMs"] += 1
    with pytest.raises(ProtocolError, match="not the sum of its parts"):
        parse_times(json.dumps(records).encode(), warm_up_ms=0)


def test_a_trace_of_nothing_but_warm_up_is_refused(files: dict[str, dict[str, bytes]]) -> None:
    with pytest.raises(ProtocolError, match="no inference after a warm-up"):
        parse_times(files["8.2.1"]["times"], warm_up_ms=1e6)


@pytest.mark.parametrize("name", sorted(PARSERS))
@given(data=st.one_of(st.binary(max_size=400), st.text(max_size=400).map(str.encode)))
def test_arbitrary_bytes_are_a_protocol_error(name: str, data: bytes) -> None:
    try:
        PARSERS[name](data)
    except ProtocolError:
        return


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
keys = ["name", "count", "timeMs", "averageMs", "medianMs", "dimensions", "values", "latencyMs"]


@pytest.mark.parametrize("name", sorted(PARSERS))
@given(
    records=st.lists(st.dictionaries(st.sampled_from(keys), json_values), max_size=4),
)
def test_any_json_is_read_or_a_protocol_error(name: str, records: list[Any]) -> None:
    try:
        PARSERS[name](json.dumps(records).encode())
    except ProtocolError:
        return


@pytest.mark.parametrize("name", sorted(PARSERS))
@pytest.mark.parametrize("version", GENERATIONS)
def test_mutated_files_are_read_or_a_protocol_error(
    name: str, version: str, files: dict[str, dict[str, bytes]]
) -> None:
    dice = random.Random(f"{name} {version}")
    refused = 0
    for _ in range(300):
        data = mutated(files[version][name], dice)
        try:
            PARSERS[name](data)
        except ProtocolError:
            refused += 1
    assert refused > 100


def mutated(data: bytes, dice: random.Random) -> bytes:
    """Cut, bytes changed, a piece doubled or a number replaced."""
    at, to = sorted(dice.choices(range(len(data)), k=2))
    piece = bytes(dice.choices(b'0123456789eE+-.,:"{}[] \\\x00\xffnN', k=dice.randint(1, 6)))
    changes = [
        data[:at],
        data[:at] + piece + data[at + len(piece) :],
        data[:at] + data[at:to] * 2 + data[to:],
        data[:at] + data[to:],
        data[:at] + b"1" * dice.choice([400, 5000]) + data[at:],
    ]
    return dice.choice(changes)


@pytest.mark.parametrize(
    ("fail", "kind", "message"),
    [
        ("unsupported", UnsupportedOperatorError, "no operator GridSample, node warped"),
        ("memory", DoesNotFitError, "ran out of memory"),
        ("kernel", UnsupportedOperatorError, r"no kernel for layer conv1 \+ relu1"),
    ],
)
def test_a_failed_build_names_layer_and_cause(
    fail: str, kind: type[EdgetoolError], message: str, tmp_path: Path
) -> None:
    program = tmp_path / "trtexec"
    install_trtexec(program, (8, 5, 2), "7.2", True, fail=fail)
    done = subprocess.run(
        [sys.executable, str(program), "--onnx=m.onnx", "--saveEngine=e", "--buildOnly"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
    )
    assert done.returncode == 1
    with pytest.raises(kind, match=message):
        raise explain_failure(done.stdout)


def test_a_log_that_says_nothing_is_an_error_that_says_so() -> None:
    assert "without saying why" in explain_failure("").message
    assert explain_failure("[x] [E] a\x1b[2Jb").details == ("a?[2Jb",)


@given(log=st.text(max_size=500))
def test_any_log_becomes_an_error_for_the_reader(log: str) -> None:
    error = explain_failure(log)
    assert isinstance(error, DeviceError | UnsupportedOperatorError | DoesNotFitError)
    assert str(error).replace("\n", "").isprintable()
