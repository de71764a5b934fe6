"""LiteRT's interpolated tables: functions of an int16 code through 513 samples.

Source: LiteRT kernels/internal/common.h LUTPopulate<int16_t> and LUTLookup; that all steps are
double was found by experiment.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

STEPS = 512
CODES = 1 << 16
LOWEST, HIGHEST = -32768, 32767

FloatArray = npt.NDArray[np.float64]
Table = npt.NDArray[np.int16]


def interpolated_table(
    function: Callable[[FloatArray], FloatArray], scale: float, zero_point: int, out_scale: float
) -> Table:
    """int16 (513,): function at every 128th code, each moved by half of its step's middle error.

    scale, zero_point: of the codes that go in.   out_scale: of those that come out, zero point 0.
    """
    low, high = scale * (LOWEST - zero_point), scale * (HIGHEST - zero_point)
    step = (high - low) / STEPS
    codes_per_unit = CODES / (out_scale * HIGHEST - out_scale * LOWEST)
    places = low + np.arange(STEPS + 1, dtype=np.float64) * step
    between = np.asarray(places[:-1] + step / 2, np.float64)
    samples = function(places) * codes_per_unit
    here = _round_half_away(samples)
    middle = _round_half_away(function(between) * codes_per_unit)
    line = _round_half_away((samples[1:] + here[:-1]) / 2)
    here[:-1] -= _round_half_away((line - middle) / 2)
    return np.clip(here, LOWEST, HIGHEST).astype(np.int16)


def interpolate(table: Table, codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The table's value at each int16 code, linear between its samples."""
    index, offset = 256 + (codes >> 7), codes & 0x7F
    base = table[index].astype(np.int64)
    slope = table[index + 1].astype(np.int64) - base
    return np.asarray(base + ((slope * offset + 64) >> 7), np.int64)


def _round_half_away(values: FloatArray) -> FloatArray:
    return np.asarray(np.copysign(np.floor(np.abs(values) + 0.5), values), np.float64)
