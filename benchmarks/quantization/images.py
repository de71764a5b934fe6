"""Generated images and spectra: no data set may be shipped, and none is needed to compare tools."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
CLASSES = 10


def textures(count: int, size: int, seed: int) -> tuple[Array, NDArray[np.int64]]:
    """Images of oriented waves over a coloured ground, (count, 3, size, size) about -2..2.

    The class (0..9) is the wave's direction; frequency, phase, colours, contrast and noise vary.
    """
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, count)
    rows, columns = np.mgrid[0:size, 0:size] / size
    angle = (labels + 0.3 * rng.standard_normal(count)) * np.pi / CLASSES
    turns = rng.uniform(3, 9, count)
    along = np.cos(angle)[:, None, None] * columns + np.sin(angle)[:, None, None] * rows
    phase = rng.uniform(0, 2 * np.pi, (count, 1, 1))
    wave = np.sin(2 * np.pi * turns[:, None, None] * along + phase)[:, None]
    contrast = rng.uniform(0.3, 1.0, (count, 1, 1, 1)) * rng.uniform(0.4, 1, (count, 3, 1, 1))
    ground = rng.uniform(-0.7, 0.7, (count, 3, 1, 1)) * (1 + rows - columns)
    noise = 0.15 * rng.standard_normal((count, 3, size, size))
    return (ground + contrast * wave + noise).astype(np.float32), labels


def spectra(count: int, anomalies: bool, seed: int) -> Array:
    """Machine hum as 640 log energies (5 frames of 128 bands), normalised; (count, 640).

    Anomalies have a rattle: a raised band that the normal sound lacks.
    """
    rng = np.random.default_rng(seed)
    bands = np.arange(128)
    speed = rng.uniform(0.8, 1.2, (count, 1, 1))
    hum = sum(np.exp(-0.5 * ((bands - 14 * k * speed) / 2.5) ** 2) / k for k in range(1, 9))
    slope = rng.uniform(0.5, 1.5, (count, 1, 1)) * (1 - bands / 64)
    frames = hum * rng.uniform(1.5, 2.5, (count, 5, 1)) + slope
    frames = frames + 0.25 * rng.standard_normal((count, 5, 128))
    if anomalies:
        centre = rng.uniform(60, 120, (count, 1, 1))
        frames = frames + 0.5 * np.exp(-0.5 * ((bands - centre) / 4) ** 2)
    return frames.reshape(count, -1).astype(np.float32)
