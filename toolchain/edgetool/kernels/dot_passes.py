"""How a convolution's loop over its taps is cut for one depth on cores with the DSP extension."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

from edgetool.kernels.epilogue import LINEAR, RECTIFIED
from edgetool.program.accumulators import Layer
from edgetool.program.operator import KernelCall

TEMPLATE = "conv2d_dsp_depth_s8"
WORD_TAPS, ROUND_WORDS = 2, 3
UNROLLED = 6
"""Rounds that a pair of channels' code has at most, so that it fits in the 1 KB that a small flash
cache keeps."""

STRAIGHT = 16
"""The same where code memory keeps more: 1.5 KB."""

MOST_PASSES = 3
FEWEST_OUTPUTS = 6000
"""With more passes or fewer outputs a function of its own saves too little for its code."""

TAIL_NAMES = {RECTIFIED: "rectified", LINEAR: "linear"}


@dataclass(frozen=True)
class Passes:
    """first: words of taps in front.   once: rounds behind them.   rounds: in the loop.
    passes: through it."""

    first: int
    once: int
    rounds: int
    passes: int

    @property
    def defines(self) -> Mapping[str, int]:
        """The macros of conv2d_dsp_depth_s8_body.h that say so."""
        return {
            "EDGE_FIRST_WORDS": self.first,
            "EDGE_ROUNDS_ONCE": self.once,
            "EDGE_ROUNDS": self.rounds,
            "EDGE_PASSES": self.passes,
        }


def cut_depth(depth: int, unrolled: int = UNROLLED) -> Passes:
    """The fewest passes for depth taps, a multiple of 4, with at most so many rounds of code."""
    words = depth // WORD_TAPS
    rounds = (words - 1) // ROUND_WORDS
    first = words - ROUND_WORDS * rounds
    passes = next(n for n in range(1, rounds + 2) if rounds // n + rounds % n <= unrolled)
    return Passes(first, rounds % passes, rounds // passes, passes)


def for_one_depth(
    call: KernelCall, layer: Layer, *, is_wide: bool, unrolled: int = UNROLLED
) -> KernelCall | None:
    """The call of an instance for the layer's depth and tail; None where it would save little.

    call: of conv2d_dsp_s8, or conv2d_dsp_wide_s8 with is_wide.
    """
    depth = -(-layer.weight_data[0].size // 4) * 4
    cut, tail = cut_depth(depth, unrolled), cast(int, call.parameters["tail"])
    saves_much = cut.passes <= MOST_PASSES and layer.output.elements >= FEWEST_OUTPUTS
    if not saves_much or tail not in TAIL_NAMES:
        return None
    wide = "wide_" if is_wide else ""
    return replace(
        call,
        function=f"conv2d_dsp_{wide}{depth}_by_{cut.once + cut.rounds}_{TAIL_NAMES[tail]}_s8",
        template=TEMPLATE,
        defines={"EDGE_IS_WIDE": int(is_wide), **cut.defines, "EDGE_TAIL": tail},
    )
