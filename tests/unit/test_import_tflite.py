"""Every operator the TFLite importer reads, against LiteRT's reference kernels."""

from __future__ import annotations

import pytest

from edgetool.importers.tflite.convert import RULES
from lite_cases import CASES
from lite_comparison import assert_same_numbers
from lite_models import LiteWriter


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("quantized", [False, True], ids=["float", "int8"])
def test_operator_gives_the_numbers_of_litert(name: str, quantized: bool) -> None:
    net = LiteWriter(len(name), quantized)
    assert_same_numbers(net.file(*CASES[name](net)))


def test_every_rule_has_a_case() -> None:
    tested = {name.split(",")[0].upper() for name in CASES}
    elsewhere = {"QUANTIZE", "DEQUANTIZE", "SHAPE", "PACK", "DEPTHWISE_CONV_2D"}
    assert set(RULES) == (tested - {"DEPTHWISE"}) | elsewhere
