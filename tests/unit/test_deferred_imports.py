"""sympy, which onnx_ir imports at once, waits until somebody asks for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def in_a_new_process(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT / "toolchain"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


LOADED = "print('sympy.core' in sys.modules)"


def test_reading_quantizing_and_writing_a_model_does_without_sympy(tmp_path: Path) -> None:
    digits = ROOT / "models" / "digits-cnn"
    code = f"""
import sys
from edgetool.cli import main
sys.argv = ["edgetool", "compile", {str(digits / "model.onnx")!r}, "--target", "raspberry-pi-5",
    "--calibrate", {str(digits / "calibration.npz")!r}, "--output", {str(tmp_path / "out")!r}]
try:
    main()
except SystemExit as end:
    assert end.code in (0, None), end.code
{LOADED}"""
    assert in_a_new_process(code).splitlines()[-1] == "False"
    assert (tmp_path / "out" / "model.onnx").is_file()


@pytest.mark.parametrize("first", ["edgetool", "onnx_ir"])
def test_who_asks_for_symbolic_arithmetic_gets_it(first: str) -> None:
    code = f"import sys, {first}, edgetool, onnx_ir\nprint(onnx_ir.SymbolicDim('n') + 1)\n{LOADED}"
    assert in_a_new_process(code).splitlines() == ["n + 1", "True"]


def test_sympy_itself_can_be_imported() -> None:
    code = "import edgetool, sympy\nfrom sympy.core import Symbol\nprint(sympy.sympify('1 + 1'))"
    assert in_a_new_process(code) == "2"
