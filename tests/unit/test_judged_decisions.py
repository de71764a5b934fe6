"""How many decisions a runtime may take otherwise than the reference (docs/verification.md)."""

from __future__ import annotations

import pytest

from edgetool.verification.runners import LiteRtRunner, OnnxRuntimeRunner, Runner
from edgetool.verification.verify import judge_decisions


@pytest.mark.parametrize(
    ("runner", "otherwise", "samples", "holds"),
    [
        (OnnxRuntimeRunner, 7, 1000, True),  # MLPerf Tiny's int8 keyword spotter
        (OnnxRuntimeRunner, 10, 1000, True),
        (OnnxRuntimeRunner, 11, 1000, False),
        (LiteRtRunner, 5, 1000, True),
        (LiteRtRunner, 7, 1000, False),
        (LiteRtRunner, 1, 4, True),  # one sample proves nothing
        (OnnxRuntimeRunner, 2, 4, False),
    ],
)
def test_runtimes_of_another_arithmetic_have_the_lower_floor(
    runner: type[Runner], otherwise: int, samples: int, holds: bool
) -> None:
    equal = (samples - otherwise) / samples
    problem = judge_decisions(equal, samples, runner.decisions_floor)
    assert (problem is None) == holds
    assert holds or str(problem).startswith(f"{otherwise} of {samples} samples")
