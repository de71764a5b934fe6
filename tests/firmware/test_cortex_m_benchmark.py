"""The benchmark of microcontroller cores: one small run of it, and its arithmetic."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from firmware_models import ZIG

from edgetool.figures import Figure
from needs import require_module

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "cortex_m"


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARK))
    return importlib.import_module("report")


def test_a_run_prints_and_writes_what_each_build_costs(tmp_path: Path) -> None:
    for module in ("ziglang", "unicorn", "capstone"):
        require_module(module, ZIG)
    options = ["--models", "digits-cnn", "autoencoder", "--cores", "cortex-m4"]
    options += ["--compilers", "clang", "--optimize", "balanced", "--json", tmp_path / "bench.json"]
    done = subprocess.run(
        [sys.executable, BENCHMARK, *options], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    head, *lines = done.stdout.splitlines()
    assert head.split()[:6] == ["model", "core", "compiler", "optimize", "MACs", "per"]
    assert [line.split()[0] for line in lines[:2]] == ["digits-cnn", "autoencoder*"]
    content = json.loads((tmp_path / "bench.json").read_text())
    assert [model["random_weights"] for model in content["models"]] == [False, True]
    for row in content["rows"]:
        assert row["exact"] is True
        assert row["instructions"]["kind"] == row["stack_bytes"]["kind"] == "emulated"
        assert row["cycles"]["kind"] == "estimated"
        assert row["flash_bytes"]["kind"] == row["arena_bytes"]["kind"] == "computed"
        assert "instructions_ratio" not in row, "no peer has published this model"


def test_a_model_that_a_peer_has_published_is_compared_with_it(report: ModuleType) -> None:
    figures = {
        "instructions": Figure(3_850_000, "1", "emulated"),
        "arena_bytes": Figure(11_410, "B", "computed"),
    }
    peers = report.read_peers()
    row = report.Row("kws", "cortex-m4", "gcc", "balanced", True, figures)
    found = report.ratios(row, peers)
    assert (found["instructions_ratio"].value, found["arena_ratio"].value) == (0.5, 0.5)
    assert found["instructions_ratio"].source.startswith("TensorFlow Lite Micro 90b983c2")
    other = report.Row("kws", "cortex-m33", "gcc", "balanced", True, figures)
    assert report.ratios(other, peers) == {}


def test_every_figure_of_a_peer_says_its_source(report: ModuleType) -> None:
    peers = dict(report.read_peers())
    assert "CMSIS-NN" in peers.pop("source")
    published = peers.pop("published")
    assert "MLPerf Tiny" in published["source"]
    assert all(0.01 < latency < 1 for latency in published["latency_s"].values())
    assert all(count > 1e6 for model in peers.values() for count in model["instructions"].values())
