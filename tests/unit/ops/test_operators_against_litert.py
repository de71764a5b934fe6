"""Every operator's execute() against LiteRT's reference kernels, on random single operations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from operator_cases import CASES, KIND_AND_TYPE

pytest.importorskip(
    "ai_edge_litert", reason="LiteRT is not installed: pip install 'edgetool[litert]'"
)

FLOAT_TOLERANCE = 2e-6  # relative to the largest value: other orders of summation, other expf


@pytest.mark.parametrize(("kind", "dtype"), KIND_AND_TYPE)
@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(data=st.data())
def test_execute_computes_what_litert_reference_kernels_compute(
    kind: str, dtype: str, data: st.DataObject
) -> None:
    case = data.draw(CASES[kind](dtype))
    samples = case.samples(4)
    for found, expected in zip(case.execute(samples), case.run_litert(samples), strict=True):
        assert found.dtype == expected.dtype
        assert found.shape == expected.shape
        if found.dtype == np.float32:
            limit = FLOAT_TOLERANCE * max(1.0, float(np.abs(expected).max()))
            np.testing.assert_allclose(found, expected, rtol=0, atol=limit)
        else:
            np.testing.assert_array_equal(found, expected)
