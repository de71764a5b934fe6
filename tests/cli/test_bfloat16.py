"""--precision bfloat16: weights in half the bytes, float32 arithmetic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from refused_commands import refused

from command_line import DIGITS, EVALUATION, MODEL, succeed

COMPILE = ("compile", MODEL, "--target", "host", "--precision", "bfloat16", "--output", "half")


def test_weights_are_the_nearest_bfloat16_numbers_and_onnxruntime_runs_them(here: Path) -> None:
    succeed(*COMPILE)
    graph = onnx.load("half/model.onnx").graph
    stored = {each.name: each for each in graph.initializer}
    casts = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Cast"}
    layers = [node for node in graph.node if node.op_type in ("Conv", "Gemm")]
    assert len(layers) == len(casts) == 8
    for layer in layers:
        weights = stored[casts[layer.input[1]]]
        assert weights.data_type == onnx.TensorProto.BFLOAT16
    assert succeed("verify", "half", "--samples", EVALUATION).code == 0


def layer_weights(artifact: str) -> dict[str, np.ndarray[Any, Any]]:
    """Stored weights by layer."""
    graph = onnx.load(f"{artifact}/model.onnx").graph
    arrays = {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
    casts = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Cast"}
    layers = (node for node in graph.node if node.op_type in ("Conv", "Gemm"))
    return {node.name: arrays[casts.get(node.input[1], node.input[1])] for node in layers}


def test_rounding_is_to_nearest_even(here: Path) -> None:
    succeed(*COMPILE)
    succeed("compile", MODEL, "--target", "host", "--precision", "float32", "--output", "whole")
    exact, found = layer_weights("whole"), layer_weights("half")
    assert len(exact) == 8
    for layer, array in exact.items():
        bits = array.view(np.uint32).astype(np.uint64)
        nearest = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
        np.testing.assert_array_equal(found[layer].view(np.uint16), nearest)


def test_almost_nothing_is_lost(here: Path) -> None:
    succeed(*COMPILE)
    options = ("--samples", DIGITS / "evaluation.npz", "--reference", MODEL, "--json")
    found = succeed("evaluate", "half", *options).json
    assert found["sqnr_db"]["value"] > 45
    assert found["decisions_equal"]["value"] > 0.99
    assert (here / "half" / "model.onnx").stat().st_size < 0.7 * MODEL.stat().st_size


@pytest.mark.parametrize(
    ("target", "hint"), [("jetson-orin-nano", "float16"), ("cortex-m4", "--precision int8")]
)
def test_targets_without_it_name_what_they_have(target: str, hint: str, here: Path) -> None:
    command = ("compile", MODEL, "--target", target, "--precision", "bfloat16")
    refused(here, command, 2, f"target '{target}' has no bfloat16", hint)
