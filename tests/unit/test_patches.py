"""Programs whose first layers run in strips compute the same numbers, with the same products."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from edgetool.compilation.patching import Fit, fit_program
from edgetool.errors import UsageError
from edgetool.kernels import choose_kernels
from edgetool.packs import find_target, kernel_folders
from edgetool.program.executor import execute
from edgetool.program.memory_plan import lower_bound_bytes, plan_memory
from edgetool.program.patches import Patches, given_height, heads, in_patches
from edgetool.program.program import Program
from edgetool.program.storage import storage_of
from strip_networks import strip_networks

MANY = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
FOLDERS = kernel_folders(find_target("cortex-m3"))


def all_patches(program: Program) -> list[tuple[Patches, Program]]:
    """Every program in patches that there is."""
    wanted = [
        Patches(operations, rows)
        for operations in heads(program)
        for rows in range(1, given_height(program, operations))
    ]
    made = [(patches, in_patches(program, patches)) for patches in wanted]
    return [(patches, found) for patches, found in made if found is not None]


@MANY
@given(program=strip_networks())
def test_strips_compute_the_same_numbers_with_as_many_products(program: Program) -> None:
    rng = np.random.default_rng(1)
    shape = (2, *program.tensors["image"].shape)
    inputs = {"image": rng.integers(-128, 128, shape).astype(np.int8)}
    expected = execute(program, inputs)
    for patches, found in all_patches(program):
        assert found.total_macs() <= program.total_macs(), patches
        for name, right in execute(found, inputs).items():
            np.testing.assert_array_equal(right, expected[name], err_msg=str(patches))


@MANY
@given(program=strip_networks())
def test_each_row_is_computed_once_and_given_where_it_belongs(program: Program) -> None:
    for _, found in all_patches(program)[::3]:
        written = [name for step in found.operations for name in step.outputs]
        assert len(written) == len(set(written)) == len({s.name for s in found.operations})
        storage = storage_of(found)
        for step in found.operations:
            if step.name.endswith(" joined") and step.name in storage.silent:
                assert {storage.roots[name] for name in step.inputs} == {step.outputs[0]}


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(program=strip_networks())
def test_fitting_never_needs_more_and_keeps_budgets_that_can_be_kept(program: Program) -> None:
    target = find_target("cortex-m3")
    fitted = fit_program(program, target, "balanced", Fit())
    whole = plan_memory(program, choose_kernels(program, FOLDERS))
    assert fitted.arena_bytes <= whole.arena_bytes
    calls = choose_kernels(fitted.program, FOLDERS)
    assert plan_memory(fitted.program, calls).arena_bytes == fitted.arena_bytes
    assert lower_bound_bytes(fitted.program, calls) <= fitted.arena_bytes
    budget = (fitted.arena_bytes + whole.arena_bytes) // 2
    within = fit_program(program, target, "balanced", Fit(budget))
    assert within.arena_bytes <= budget


@pytest.mark.parametrize(
    ("text", "budget"),
    [("ram", None), ("ram=40000", 40000), ("ram=40K", 40960), ("ram=1M", 1 << 20)],
)
def test_a_budget_is_bytes_or_kibibytes(text: str, budget: int | None) -> None:
    assert Fit.parse(text).budget_bytes == budget


@pytest.mark.parametrize("text", ["flash", "ram=", "ram=many", "ram=-1", "RAM", "ram=4k", ""])
def test_other_values_of_fit_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not known"):
        Fit.parse(text)
