"""Layers for the kernel variants: those of mac_cases, and sums and factors at their limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from mac_cases import convolutions, depthwise_convolutions, fully_connected_layers
from single_operation import activation, constant, single_operation

from edgetool.program.operator import Clamp
from edgetool.program.ops.add import Add
from edgetool.program.ops.conv2d import Conv2D
from edgetool.program.ops.fully_connected import FullyConnected
from edgetool.program.ops.mul import Mul
from edgetool.program.ops.sub import Sub
from edgetool.program.program import Operation, Program

LARGEST_SUM = (1 << 23) - 1
CODES = np.arange(-128, 128, dtype=np.int8)


@st.composite
def sums_at_their_limits(draw: DrawFn) -> Program:
    """A 1 x 1 convolution of every int8 value whose sums come close to ±2**23, and near ties.

    Factors are next to powers of two, where multipliers are smallest and largest.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    outputs, zero_point = draw(st.integers(1, 9)), draw(st.sampled_from([-128, -3, 0, 127]))
    weights = rng.integers(-127, 128, (outputs, 1, 1, 1)).astype(np.int8)
    reach = LARGEST_SUM - 128 * 127
    bias = rng.integers(-reach, reach + 1, outputs).astype(np.int32)
    bias[rng.random(outputs) < 0.5] //= 1 << rng.integers(4, 18)
    exponents = rng.integers(-22, 0, outputs)
    scales = np.ldexp(rng.choice([1.0, 1 - 2.0**-24, 1.5, 1 + 2.0**-23], outputs), exponents)
    x = activation("x", (1, 16, 16, 1), 1.0, 0)
    clamp = draw(st.sampled_from([Clamp(), Clamp(0.0), Clamp(-5.0, 20.0)]))
    tensors = [
        x,
        constant("weights", weights, scales.astype(np.float32)),
        constant("bias", bias, scales.astype(np.float32)),
    ]
    output = activation("y", (1, 16, 16, outputs), 1.0, zero_point)
    return single_operation(Conv2D(clamp=clamp), tensors, [output])


@st.composite
def long_windows(draw: DrawFn) -> Program:
    """A 3 x 3 convolution whose windows have more taps than one pair of words can hold sums of."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    outputs, channels = draw(st.integers(1, 5)), draw(st.integers(30, 45))
    size = draw(st.tuples(st.integers(1, 3), st.integers(1, 4)))
    zero_point = draw(st.sampled_from([-128, -3, 127]))
    weights = rng.integers(60, 128, (outputs, 3, 3, channels)).astype(np.int8)
    weights[rng.random(outputs) < 0.5] *= -1
    weights[:, :, :, rng.random(channels) < 0.2] = 0
    bias = rng.integers(-(2**19), 2**19, outputs).astype(np.int32)
    scales = rng.uniform(1e-4, 5e-4, outputs).astype(np.float32)
    x = activation("x", (1, *size, channels), 1.0, draw(st.integers(-20, 20)))
    clamp = draw(st.sampled_from([Clamp(), Clamp(0.0)]))
    tensors = [x, constant("weights", weights, scales), constant("bias", bias, scales)]
    output = activation("y", (1, *size, outputs), 1.0, zero_point)
    return single_operation(Conv2D(padding=(1, 1, 1, 1), clamp=clamp), tensors, [output])


def halves(seed: int, zero_point: int) -> Program:
    """A fully connected layer of 8 outputs whose sums times factors are halves, or next to them."""
    rng = np.random.default_rng(seed)
    factors = np.ldexp(rng.choice([1.0, 0.75, 0.7], 8), rng.integers(-12, -2, 8))
    scales = factors.astype(np.float32)
    bias = np.round((rng.integers(-127, 127, 8) + 0.5) / factors) + rng.integers(-1, 2, 8)
    weights = rng.integers(-1, 2, (8, 5)).astype(np.int8)
    tensors = [
        activation("x", (40, 5), 1.0, 0),
        constant("weights", weights, scales),
        constant("bias", bias.astype(np.int32), scales),
    ]
    return single_operation(FullyConnected(), tensors, [activation("y", (40, 8), 1.0, zero_point)])


@st.composite
def pairs(draw: DrawFn) -> Program:
    """Every pair of int8 values, added, subtracted or multiplied, with any scales."""
    scales = [draw(st.sampled_from([0.003, 0.05, 0.0500001, 0.7, 3.0])) for _ in range(3)]
    a_zero, b_zero, zero_point = (draw(st.integers(-128, 127)) for _ in range(3))
    operator = draw(st.sampled_from([Add, Sub, Mul]))(draw(st.sampled_from([Clamp(), Clamp(0.0)])))
    tensors = [
        activation("x", (256, 1), scales[0], a_zero),
        activation("z", (1, 256), scales[1], b_zero),
    ]
    return single_operation(operator, tensors, [activation("y", (256, 256), scales[2], zero_point)])


def layers() -> st.SearchStrategy[Program]:
    """Any layer that has variants."""
    return st.one_of(
        convolutions("int8"),
        depthwise_convolutions("int8"),
        fully_connected_layers("int8"),
        sums_at_their_limits(),
        long_windows(),
    )


def side_by_side(programs: Sequence[Program]) -> Program:
    """One program that runs them all, each on its own input."""
    renamed = [_renamed(program, f"l{index}_") for index, program in enumerate(programs)]
    tensors = {name: tensor for program in renamed for name, tensor in program.tensors.items()}
    ports: dict[str, Any] = {
        field: tuple(name for program in renamed for name in getattr(program, field))
        for field in ("operations", "inputs", "outputs", "input_names", "output_names")
    }
    return Program("many", tensors, **ports)


def _renamed(program: Program, prefix: str) -> Program:
    def names(found: Sequence[str]) -> tuple[str, ...]:
        return tuple(prefix + name if name else "" for name in found)

    tensors = {
        prefix + name: replace(tensor, name=prefix + name)
        for name, tensor in program.tensors.items()
    }
    operations = tuple(
        Operation(prefix + op.name, op.operator, names(op.inputs), names(op.outputs))
        for op in program.operations
    )
    ports = [names(getattr(program, field)) for field in ("inputs", "outputs")]
    return Program(program.name, tensors, operations, *ports, *ports)
