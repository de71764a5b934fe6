"""clang from the ziglang wheel: `python -m ziglang cc`, or `zig cc` on PATH."""

from __future__ import annotations

import functools
import importlib.util
import re
import shutil
import subprocess
import sys

from edgetool.compilers.toolchain import COMMON_FLAGS, LINK_FLAGS, Toolchain, helper_sources
from edgetool.errors import MissingToolError
from edgetool.packs.schema import Core


def find_zig() -> tuple[str, ...]:
    """The command that starts zig. Raises: MissingToolError with the install line."""
    if importlib.util.find_spec("ziglang") is not None:
        return (sys.executable, "-m", "ziglang")
    on_path = shutil.which("zig")
    if on_path is None:
        raise MissingToolError(
            "no clang for microcontrollers: the ziglang wheel is not installed",
            details=["looked for: Python module ziglang, zig on PATH"],
            hints=["pip install 'edgetool[mcu]'", "--compiler gcc"],
        )
    return (on_path,)


def zig_toolchain(core: Core) -> Toolchain:
    """clang for a core. Its run-time library is linked only if something of it is missing."""
    zig = find_zig()
    target = ("-target", core.zig_target, f"-mcpu={core.zig_cpu}")
    sanitizers = ("-fno-sanitize=all",)  # zig turns them on where -O is not given
    link = (*zig, "cc", *target, *LINK_FLAGS)
    return Toolchain(
        compile=(*zig, "cc", *target, *COMMON_FLAGS, *sanitizers),
        link=(*link, "-nostdlib"),
        libraries=(),
        helpers=helper_sources(core.isa, integer=True),
        version=_version(zig),
        # Kernels unroll where it pays, by name; what clang adds is a fifth to a third of the code
        # for 0.1 to 3 % of the instructions.
        model_flags=("-fhosted", "-fno-unroll-loops"),
        # Built by zig once for each core, in 10 to 60 s, then cached.
        run_time_link=link,
    )


@functools.cache
def _version(zig: tuple[str, ...]) -> str:
    def ask(*arguments: str) -> str:
        command = [*zig, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    clang = re.search(r"clang version (\S+)", ask("cc", "--version"))
    return f"clang {clang.group(1) if clang else '?'} (zig {ask('version').strip()})"
