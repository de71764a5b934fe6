"""The device's side of timing: settling, layers, samples, packages that were pushed."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from edgetool.measure import is_settled, relative_slope

AGENT = Path(__file__).parents[2] / "targets" / "linux" / "agent"


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The agent's modules can be imported; others of their names come back afterwards."""
    names = {path.stem for path in AGENT.glob("*.py")} - {"__main__"}
    others = {name: sys.modules.pop(name) for name in names & set(sys.modules)}
    monkeypatch.syspath_prepend(str(AGENT))
    yield
    for name in names:
        sys.modules.pop(name, None)
    sys.modules.update(others)


def module(name: str) -> ModuleType:
    return importlib.import_module(name)


@pytest.mark.parametrize("drift", [0.0, 0.0005, 0.002, 0.01, 0.1])
def test_device_and_host_agree_when_latency_has_settled(agent: None, drift: float) -> None:
    random = np.random.default_rng(7)
    times = np.linspace(0, 20, 80)
    values = 1e6 * (1 + drift * times) * (1 + random.normal(0, 0.005, 80))
    there = module("settling").is_settled(list(times), list(values), 0.001, relative=True)
    assert there == is_settled(relative_slope(times[40:], values[40:]), 0.001)


def test_few_points_have_not_settled_and_no_limit_always_has(agent: None) -> None:
    settling = module("settling")
    assert not settling.is_settled([1.0, 2.0], [1.0, 1.0], 0.1)
    assert settling.is_settled([], [], None)


def test_a_profile_of_nodes_becomes_times_by_layer_without_the_first_run(agent: None) -> None:
    def node(name: str, microseconds: int) -> dict[str, object]:
        return {"cat": "Node", "name": name, "dur": microseconds, "args": {"op_name": "Conv"}}

    events = [
        {"cat": "Session", "name": "model_run", "dur": 99},
        node("a_kernel_time", 50),
        node("a_fence_before", 1),
        node("a_kernel_time", 7),
        node("a_kernel_time", 8),
    ]
    found = module("runtime_process").nodes_in(events)
    assert found == [{"name": "a", "operator": "Conv", "ns": [7000, 8000]}]


def test_short_inferences_are_timed_several_to_a_sample(agent: None) -> None:
    said: list[dict[str, object]] = []
    ticks = iter(range(0, 10**6, 100))
    calls: list[int] = []
    process = module("runtime_process")
    process.timed(lambda: calls.append(1), lambda: next(ticks), (5, 0, 3), said.append)
    assert said == [{"samples": [100] * 5}, {"end": 5}]
    assert len(calls) == 15


def test_models_take_turns_there_and_back(agent: None) -> None:
    timing = module("timing")
    turns = timing.ordered(["a", "b"], {"windows": 2, "order": "abba"})
    assert turns == [(0, "a"), (0, "b"), (1, "b"), (1, "a")]
    blocked = timing.ordered(["a", "b"], {"windows": 2, "order": "blocked"})
    assert blocked == [(0, "a"), (1, "a"), (0, "b"), (1, "b")]


def test_what_a_device_does_not_say_is_absent(
    agent: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    under_load = module("under_load")
    monkeypatch.setattr(module("system"), "ROOT", str(tmp_path))
    assert under_load.sensors() == {}
    zone = tmp_path / "sys/class/thermal/thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "type").write_text("cpu-thermal\n")
    (zone / "temp").write_text("48312\n")
    found = under_load.sensors()
    assert found == {"temperatures_c": {"cpu-thermal": 48.312}}


def test_packages_never_leave_their_folder(agent: None, tmp_path: Path) -> None:
    import zipfile

    (tmp_path / "files").mkdir()
    (tmp_path / "python").mkdir()
    name = "files/" + "a" * 64
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("../../outside.py", "x")
        archive.writestr("numpy/__init__.py", "y")
    answer = module("unpack").unpack(str(tmp_path), name, "onnxruntime-1")
    assert answer == {"folder": "python/onnxruntime-1"}
    assert not (tmp_path.parent / "outside.py").exists()
    found = list(tmp_path.rglob("*.py"))
    assert all((tmp_path / "python" / "onnxruntime-1") in path.parents for path in found)
    assert json.dumps(sorted(path.name for path in found)) == '["__init__.py", "outside.py"]'


def test_names_that_no_push_has_are_refused(agent: None, tmp_path: Path) -> None:
    refused = module("refusal").Refused
    for archive, name in (("files/../x", "ok"), ("files/" + "a" * 64, "../up"), (3, "ok")):
        with pytest.raises(refused):
            module("unpack").unpack(str(tmp_path), archive, name)
    assert module("pushed").discard(str(tmp_path), ["../x", "store/y"]) == {"removed": []}
