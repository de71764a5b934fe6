"""What makes a latency measurement degraded or refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgetool.measure import Conditions, judge

QUIET = Conditions(
    boot_ids=("a", "a"),
    throttled=(0x50000, 0x50000),
    frequencies_hz={"cpu0": (1.5e9, 1.5e9)},
    clock_jump_s=0.01,
    other_load=0.02,
    overhead=0.001,
    settled=True,
    outputs_hold=True,
)


def test_a_quiet_device_gives_a_valid_result_whatever_happened_before() -> None:
    assert judge(QUIET).kind == "valid"
    assert judge(Conditions()).kind == "valid"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"boot_ids": ("a", "b")}, "booted again"),
        ({"outputs_hold": False}, "not the model's"),
        ({"throttled": (0x0, 0x50000)}, "undervoltage, throttled"),
        ({"throttled": (0x10000, 0x90000)}, "soft temperature limit"),
    ],
)
def test_what_spoils_a_run_refuses_it(change: dict[str, object], reason: str) -> None:
    verdict = judge(replace(QUIET, **change))  # type: ignore[arg-type]
    assert verdict.kind == "refused"
    assert reason in " ".join(verdict.reasons)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"throttled": (0x50005, 0x50005)}, "is throttled: undervoltage, throttled"),
        ({"frequencies_hz": {"cpu1": (1.5e9, 6e8)}}, "cpu1 ran between 600 and 1,500 MHz"),
        ({"clock_jump_s": -3.0}, "jumped by -3.0 s"),
        ({"other_load": 0.5}, "0.50 CPUs busy"),
        ({"overhead": 0.01}, "1.0% of the median"),
        ({"settled": False}, "still drifted"),
        ({"temperature_drift_k_per_s": 0.2}, "+0.20 K/s"),
        ({"latency_drift": 0.01}, "+1.00% per second"),
        ({"complete": False}, "before every window"),
    ],
)
def test_what_may_have_moved_the_figures_degrades_them(
    change: dict[str, object], reason: str
) -> None:
    verdict = judge(replace(QUIET, **change))  # type: ignore[arg-type]
    assert verdict.kind == "degraded"
    assert len(verdict.reasons) == 1
    assert reason in verdict.reasons[0]


def test_a_refusal_still_names_what_else_was_odd() -> None:
    verdict = judge(replace(QUIET, boot_ids=("a", "b"), other_load=1.0))
    assert verdict.kind == "refused"
    assert len(verdict.reasons) == 2
