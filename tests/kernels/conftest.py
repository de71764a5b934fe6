"""The C kernels, compiled once for a test run."""

from __future__ import annotations

import shutil

import pytest
from compiled_kernels import CompiledKernels


@pytest.fixture(scope="session")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> CompiledKernels:
    """The portable kernels compiled for this machine."""
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler: install gcc or clang to run the kernels on this machine")
    return CompiledKernels.build(compiler, tmp_path_factory.mktemp("kernels"))
