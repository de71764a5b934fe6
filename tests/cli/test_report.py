"""edgetool report: what each layer costs, as a table, as JSON, and as one page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from refused_commands import refused

import schemas
from command_line import CALIBRATION, EVALUATION, MODEL, edgetool, nothing_changes, succeed
from edgetool.quantization.layer_noise import MOST_SAMPLES

COMPILE = ("compile", MODEL, "--target", "cortex-m4", "--compiler", "none", "--report")


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """digits-cnn with a report over evaluation samples. Not to be changed."""
    folder = tmp_path_factory.mktemp("report") / "digits-m4"
    succeed(*COMPILE, "--calibrate", CALIBRATION, "--evaluate", EVALUATION, "--output", folder)
    return folder


def test_the_table_names_the_costliest_layers_within_100_columns(reported: Path) -> None:
    said = succeed("report", reported).out
    assert max(map(len, said.splitlines())) <= 100
    assert re.search(
        r"^  \d+\.\d dB SQNR at the model's outputs, 50 evaluation samples$", said, re.M
    )
    costs = [float(cost) for cost in re.findall(r"^[a-z]\S+ +(\d+\.\d) ", said, re.M)]
    assert len(costs) == 12
    assert costs == sorted(costs)


def test_json_is_what_the_schema_says_and_every_layer_is_in_it(reported: Path) -> None:
    content = succeed("report", reported, "--json").json
    schemas.validate(content, "quantization")
    layers = {layer["name"]: layer for layer in content["layers"]}
    assert {"image", "conv_stem", "residual_add", "dense", "softmax"} <= layers.keys()
    assert sorted(layer["position"] for layer in layers.values()) == list(range(len(layers)))
    assert layers["dense"]["weight_dtype"] == "int8"
    assert "weights_sqnr_db" not in layers["residual_add"]
    assert set(schemas.bare_numbers(content)) == {"schema_version", "samples", "layers[].position"}
    assert content["samples"] <= MOST_SAMPLES


def test_the_page_is_one_file_that_loads_nothing(reported: Path, here: Path) -> None:
    assert "wrote page.html" in succeed("report", reported, "--html", "page.html").out
    page = (here / "page.html").read_text()
    assert page.count("<svg") == page.count("</svg>") == 3
    assert not re.search(r"<script|<link|<img|src=|url\(|https?:", page)
    for layer in succeed("report", reported, "--json").json["layers"]:
        assert layer["name"] in page
    assert len(page) < 50_000
    refused(
        here, ("report", reported, "--html", "page.html"), 2, "output 'page.html' already exists"
    )
    succeed("report", reported, "--html", "page.html", "--force")


def test_an_artifact_without_a_report_says_how_to_get_one(sources_only: Path, here: Path) -> None:
    message = f"artifact '{sources_only}' has no quantization report"
    refused(here, ("report", sources_only), 2, message, "--calibrate DATA --report")


def test_a_report_of_nothing_quantized_is_said(here: Path) -> None:
    notes = succeed(*COMPILE, "--precision", "float32", "--json").json["notes"]
    assert "--report changed nothing: nothing is quantized (float32)" in notes


@pytest.mark.parametrize("precision", ["int16x8", "w4a8"])
def test_other_precisions_have_reports_over_calibration_samples(precision: str, here: Path) -> None:
    succeed(*COMPILE, "--precision", precision, "--calibrate", CALIBRATION, "--output", "made")
    content = succeed("report", "made", "--json").json
    schemas.validate(content, "quantization")
    assert (content["data"], content["samples"]) == ("calibration", 20)
    with nothing_changes(here):
        assert edgetool("report", "made", "--all").code == 0
