"""Rules that measurement profiles keep; each check yields (key, sentence) per mistake."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from edgetool.packs.checks import COMMON_CHECKS, Problem
from edgetool.packs.schema import Profile


def check_counts_are_positive(profile: Profile) -> Iterator[Problem]:
    """Windows, inferences and inputs: at least one; durations not negative."""
    repeats, warm_up = profile.repeats, profile.warm_up
    for key in ("windows", "inferences_min", "inputs"):
        if getattr(repeats, key) < 1:
            yield f"repeats.{key}", f"is {getattr(repeats, key)}, must be at least 1"
    for part, value in (("warm_up", warm_up), ("repeats", repeats)):
        if value.duration_min_s < 0:
            yield f"{part}.duration_min_s", "must not be negative"
    if warm_up.runs_min < 0:
        yield "warm_up.runs_min", "must not be negative"


def check_confidence_is_a_fraction(profile: Profile) -> Iterator[Problem]:
    """A confidence level lies strictly between 0 and 1."""
    if not 0 < profile.statistics.confidence < 1:
        yield "statistics.confidence", f"is {profile.statistics.confidence}, must be within (0, 1)"


def check_energy_table_matches(profile: Profile) -> Iterator[Problem]:
    """Energy is measured with an [energy] table, and only then."""
    if ("energy" in profile.quantities) != (profile.energy is not None):
        must = "needs" if profile.energy is None else "has"
        yield "energy", f"quantities {list(profile.quantities)} {must} an [energy] table"


def check_energy_numbers(profile: Profile) -> Iterator[Problem]:
    """Coverage and jitter are fractions; a slope needs three different counts."""
    energy = profile.energy
    if energy is None:
        return
    if not 0 < energy.coverage_min <= 1:
        yield "energy.coverage_min", f"is {energy.coverage_min}, must be within (0, 1]"
    if not 0 <= energy.poll_jitter < 1:
        yield "energy.poll_jitter", f"is {energy.poll_jitter}, must be within [0, 1)"
    if min(energy.idle_before_s, energy.idle_after_s) < 0:
        yield "energy.idle_before_s", "idle times must not be negative"
    if energy.coverage_factor <= 0:
        yield "energy.coverage_factor", "must be positive"
    counts = set(energy.inference_counts)
    slope = profile.statistics.center == "slope" or "marginal" in energy.reported
    if slope and (len(counts) < 3 or min(counts) < 1):
        yield "energy.inference_counts", "a slope needs at least three different positive counts"


PROFILE_CHECKS: Sequence[Callable[[Profile], Iterable[Problem]]] = (
    *COMMON_CHECKS,
    check_counts_are_positive,
    check_confidence_is_a_fraction,
    check_energy_table_matches,
    check_energy_numbers,
)
