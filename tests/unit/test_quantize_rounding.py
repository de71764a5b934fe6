from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgetool.errors import QuantizationError
from edgetool.quantization.parameters import (
    MIN_SCALE,
    ActivationParameters,
    Range,
    activation_parameters,
    symmetric_cost_db,
)
from edgetool.quantization.rounding import (
    BIAS_LIMIT,
    bias_scale,
    least_weight_scale,
    quantize_bias,
    quantize_constant,
    quantize_weights,
)

weights_arrays = arrays(
    np.float32, (3, 4), elements=st.floats(-1e6, 1e6, width=32, allow_subnormal=False)
)
bounds = st.floats(-1e30, 1e30, allow_subnormal=False)


@given(weights_arrays, st.sampled_from([None, 0, 1]))
def test_weights_come_back_within_half_a_step(
    weights: np.ndarray[tuple[int, ...], np.dtype[np.float32]], axis: int | None
) -> None:
    quantized = quantize_weights("w", weights, axis)
    assert quantized.values.dtype == np.int8
    assert np.abs(quantized.values.astype(int)).max() <= 127
    shape = () if axis is None else tuple(-1 if i == axis else 1 for i in range(2))
    scale = quantized.scale.reshape(shape).astype(np.float64)
    error = np.abs(quantized.values * scale - weights)
    # float32 rounding of the scale moves the extremes by up to 127 half-ulps.
    assert (error <= scale * (0.5 + 1e-4)).all()


def test_a_channel_of_zeros_takes_the_largest_scale_of_the_others() -> None:
    weights = np.array([[0.0, 0.0], [127.0, -1.0], [2.54, 0.0]], np.float32)
    quantized = quantize_weights("w", weights, 0)
    np.testing.assert_allclose(quantized.scale, [1.0, 1.0, 0.02], rtol=1e-6)
    assert not quantized.values[0].any()
    assert quantize_weights("w", np.zeros((2, 2), np.float32), 0).scale.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_name_tensor_and_channel(value: float) -> None:
    weights = np.ones((3, 2), np.float32)
    weights[2, 1] = value
    with pytest.raises(
        QuantizationError, match=r"weights 'conv\.w' hold .* at \(2, 1\), channel 2"
    ):
        quantize_weights("conv.w", weights, 0)


@given(
    st.floats(1e-9, 1e3),
    arrays(np.float32, (4,), elements=st.floats(-1e9, 1e9, width=32, allow_subnormal=False)),
)
def test_a_bias_never_leaves_half_of_int32(
    input_scale: float, bias: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
) -> None:
    input_scale = float(np.float32(input_scale))
    weights = np.full((4, 2), 1e-8, np.float32)
    quantized = quantize_weights("w", weights, 0, least_weight_scale(input_scale, bias, 0))
    scale = bias_scale(input_scale, quantized.scale)
    assert (scale > 0).all()
    integers = quantize_bias(bias, scale)
    assert np.abs(integers.astype(np.int64)).max() <= BIAS_LIMIT * (1 + 1e-6)
    error = np.abs(integers * scale.astype(np.float64) - bias)
    assert (error <= scale * 0.51).all()


def test_tiny_scales_do_not_underflow_the_bias_scale() -> None:
    quantized = quantize_weights(
        "w", np.full((1, 1), 1e-35, np.float32), 0, least_weight_scale(MIN_SCALE, None, 0)
    )
    assert bias_scale(MIN_SCALE, quantized.scale)[0] > 0


@given(bounds, bounds)
def test_zero_is_exact_and_the_range_is_covered_to_half_a_step(first: float, second: float) -> None:
    wanted = Range.including_zero(min(first, second), max(first, second))
    for symmetric in (False, True):
        found = activation_parameters(wanted, symmetric)
        assert found.scale == float(np.float32(found.scale)) >= MIN_SCALE * (1 - 1e-7)
        assert -128 <= found.zero_point <= 127
        assert found.zero_point == 0 or not symmetric
        low = (-128 - found.zero_point) * found.scale
        high = (127 - found.zero_point) * found.scale
        assert low <= 0.0 <= high
        assert low <= wanted.low + found.scale * 0.51
        assert high >= wanted.high - found.scale * 0.51


def test_a_relu_range_uses_all_codes_and_loses_half_of_them_with_zero_point_0() -> None:
    assert activation_parameters(Range(0.0, 255.0)) == ActivationParameters(1.0, -128)
    assert activation_parameters(Range(0.0, 127.0), symmetric=True) == ActivationParameters(1.0, 0)
    assert symmetric_cost_db(Range(0.0, 6.0)) == pytest.approx(6.05, abs=0.01)
    assert symmetric_cost_db(Range(-1.0, 1.0)) == pytest.approx(0.03, abs=0.01)


def test_a_range_of_zero_only_gives_a_usable_scale() -> None:
    assert activation_parameters(Range(0.0, 0.0)).scale == pytest.approx(1 / 255)
    assert activation_parameters(Range(0.0, 1e-30)).scale == MIN_SCALE


def test_constant_operands_saturate() -> None:
    values = np.array([-1e9, 0.0, 0.26, 1e9], np.float32)
    found = quantize_constant("c", values, ActivationParameters(0.5, 3))
    assert found.tolist() == [-128, 3, 4, 127]
