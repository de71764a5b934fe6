"""Generated C and memory plans of three small programs, compared with the text kept here.

A refactoring shows no difference. After a change that is meant:
    REFRESH_GOLDEN=1 pytest tests/golden
and look at the difference before committing it.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest

from edgetool.exporters.c import CSources, export_c
from golden_programs import GOLDEN

HERE = Path(__file__).parent
PORTABLE = Path(__file__).parents[2] / "targets" / "portable" / "kernels"


def texts_of(sources: CSources) -> dict[str, str]:
    """The generated files by name, and the plan; kernels are sources of their own."""
    names = [name for name in sources.files if not name.startswith("src/kernels/")]
    plan = json.dumps(dataclasses.asdict(sources.plan), indent=1) + "\n"
    return {**{name: (sources.directory / name).read_text() for name in names}, "plan.json": plan}


@pytest.mark.parametrize("name", GOLDEN)
def test_generated_c_and_plan_are_as_they_were(name: str, tmp_path: Path) -> None:
    program = GOLDEN[name]
    sources = export_c(program, tmp_path, name=program.name, kernel_folders=[PORTABLE])
    assert sources.name == name
    found, kept = texts_of(sources), HERE / name
    if os.environ.get("REFRESH_GOLDEN"):
        for file, text in found.items():
            (kept / file).parent.mkdir(parents=True, exist_ok=True)
            (kept / file).write_text(text)
    files = {str(path.relative_to(kept)) for path in kept.rglob("*") if path.is_file()}
    assert files == set(found), "files appeared or went: REFRESH_GOLDEN=1 pytest tests/golden"
    for file, text in found.items():
        assert text == (kept / file).read_text(), f"{file}: REFRESH_GOLDEN=1 pytest tests/golden"


@pytest.mark.parametrize("name", GOLDEN)
def test_generated_c_does_not_depend_on_where_it_is_written(name: str, tmp_path: Path) -> None:
    program = GOLDEN[name]
    one, two = (
        export_c(program, tmp_path / folder, name=program.name, kernel_folders=[PORTABLE])
        for folder in ("here", "elsewhere")
    )
    assert one.files == two.files
    for file in one.files:
        assert (one.directory / file).read_bytes() == (two.directory / file).read_bytes()
