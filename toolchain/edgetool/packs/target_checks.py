"""Rules that targets keep; each check yields (key, sentence) per mistake."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from edgetool.packs.checks import COMMON_CHECKS, Problem
from edgetool.packs.cycles import CYCLE_CLASSES
from edgetool.packs.finding import is_id
from edgetool.packs.firmware_checks import FIRMWARE_CHECKS
from edgetool.packs.schema import Core, Target

CITED = ("ram_bytes", "flash_bytes", "clock_hz")
READ_BYTES = (4, 8, 16, 32, 64)
MOST_LINES = 1024
"""What the emulator's cache has room for (LINES_MAX in flash_cache.h)."""

# A pack is data from strangers: what it adds to a compiler's command line must not load code.
GCC_FLAG = re.compile(r"-m[a-z0-9-]+(=[A-Za-z0-9.+_-]+)?")
GCC_NAME = re.compile(r"[a-z0-9_-]+-gcc")
ZIG_WORD = re.compile(r"[a-z0-9_+-]+")
QEMU_MACHINE = re.compile(r"[a-z0-9][a-z0-9-]*")
UNICORN_CPU = re.compile(r"UC_CPU_[A-Z0-9_]+")
ISAS = ("armv6-m", "armv7-m", "armv7e-m", "armv8-m.main", "armv8.1-m.main", "rv32imc")


def check_core_fits_family(target: Target) -> Iterator[Problem]:
    """Microcontrollers, and only they, have a core to compile for."""
    if (target.family == "microcontroller") != (target.core is not None):
        must = "needs a [core]" if target.core is None else "must not have a [core]"
        yield "core", f"family {target.family!r} {must}"


def check_runtimes_fit_family(target: Target) -> Iterator[Problem]:
    """C runs on microcontrollers; TensorRT on Linux boards."""
    allowed = {
        "microcontroller": {"c"},
        "linux": {"onnxruntime", "litert", "tensorrt", "c"},
        "host": {"onnxruntime", "litert", "c"},
    }[target.family]
    for runtime in target.runtimes:
        if runtime not in allowed:
            yield "runtimes", f"{runtime!r} does not run on family {target.family!r}"


def check_lists_have_no_repeats(target: Target) -> Iterator[Problem]:
    """Runtimes and precisions: at least one, none twice."""
    for key, values in (("runtimes", target.runtimes), ("precisions", target.precisions)):
        if not values or len(set(values)) != len(values):
            yield key, "must name at least one, and none twice"


def check_default_precision_is_allowed(target: Target) -> Iterator[Problem]:
    """What is taken by default must be allowed."""
    if target.default_precision not in target.precisions:
        yield "default_precision", f"{target.default_precision!r} is not among precisions"


def check_default_io_is_allowed(target: Target) -> Iterator[Problem]:
    """int8 inputs and outputs need int8 models."""
    if target.default_io == "int8" and "int8" not in target.precisions:
        yield "default_io", "is int8, but int8 is not among precisions"


def check_arch_fits_family(target: Target) -> Iterator[Problem]:
    """A Linux board says what its `uname -m` says."""
    if (target.family == "linux") != (target.arch is not None):
        must = "is needed" if target.arch is None else "must not be given"
        yield "arch", f"{must} for family {target.family!r}"


def check_sizes_are_positive(target: Target) -> Iterator[Problem]:
    """Unknown is left out; zero is a mistake."""
    for key in CITED:
        value = getattr(target, key)
        if value is not None and value <= 0:
            yield key, f"is {value}, must be positive (leave it out where it is not known)"


def check_opset_is_plausible(target: Target) -> Iterator[Problem]:
    """QDQ needs opset 10; per-channel QDQ 13."""
    if target.opset_max is not None and not 10 <= target.opset_max <= 40:
        yield "opset_max", f"is {target.opset_max}, must be 10 to 40"


def check_power_modes_are_distinct(target: Target) -> Iterator[Problem]:
    """Names and numbers of power modes identify them."""
    for key in ("name", "id"):
        values = [getattr(mode, key) for mode in target.power_modes]
        known = [value for value in values if value is not None]
        if len(set(known)) != len(known):
            yield "power_modes", f"two have the same {key}"


def check_sensor_total_is_a_rail(target: Target) -> Iterator[Problem]:
    """The rail that is the total must be one of the rails."""
    for index, sensor in enumerate(target.sensors):
        if not is_id(sensor.meter):
            yield f"sensors[{index}].meter", f"{sensor.meter!r} is not a valid name"
        if sensor.total is not None and sensor.total not in sensor.rails:
            yield f"sensors[{index}].total", f"{sensor.total!r} is not among its rails"


def check_core_words_are_safe(target: Target) -> Iterator[Problem]:
    """What ends on a command line has the one shape that it needs."""
    if target.core is None:
        return
    core = target.core
    for key, pattern, words in _core_words(core):
        for word in words:
            if not pattern.fullmatch(word):
                yield f"core.{key}", f"{word!r} is not of the form {pattern.pattern}"


def check_core_isa_is_known(target: Target) -> Iterator[Problem]:
    """Kernels and emulators are chosen by instruction set."""
    if target.core is not None and target.core.isa not in ISAS:
        yield "core.isa", f"{target.core.isa!r} is not one of {', '.join(ISAS)}"


def check_core_kernels_end_portable(target: Target) -> Iterator[Problem]:
    """Every operator must be found in the end."""
    kernels = target.core.kernels if target.core else ("portable",)
    if not kernels or kernels[-1] != "portable":
        yield "core.kernels", "must end with 'portable'"
    for name in kernels:
        if not is_id(name):
            yield "core.kernels", f"{name!r} is not a target's name"


def check_cycle_classes_are_known(target: Target) -> Iterator[Problem]:
    """The estimator looks classes up by these names."""
    for name, cycles in (target.core.cycles if target.core else {}).items():
        if name not in CYCLE_CLASSES:
            yield f"core.cycles.{name}", f"unknown class; known: {', '.join(CYCLE_CLASSES)}"
        if not 0 <= cycles <= 1000:
            yield f"core.cycles.{name}", f"is {cycles}, must be 0 to 1000 cycles"


def check_issue_width(target: Target) -> Iterator[Problem]:
    """Cycles are estimated for one or two instructions at a time."""
    if target.core is not None and target.core.issue_width not in (1, 2):
        yield "core.issue_width", f"is {target.core.issue_width}, must be 1 or 2"


def check_cycles_are_sourced(target: Target) -> Iterator[Problem]:
    """An estimate says what it stands on."""
    if target.core is not None and target.core.cycles and not target.core.cycles_source:
        yield "core.cycles_source", "missing: name the manual and its table"


def check_code_memory_is_plausible(target: Target) -> Iterator[Problem]:
    """What the emulator simulates: whole reads, no more of them than it has room for."""
    memory = target.code_memory
    if memory is None:
        return
    if target.family != "microcontroller":
        yield "code_memory", f"must not be given for family {target.family!r}"
    if not 0 <= memory.wait_states <= 1000:
        yield "code_memory.wait_states", f"is {memory.wait_states}, must be 0 to 1000"
    if memory.read_bytes not in READ_BYTES:
        yield "code_memory.read_bytes", f"is {memory.read_bytes}, must be one of {READ_BYTES}"
        return
    for key in ("instruction_cache_bytes", "data_cache_bytes"):
        size = getattr(memory, key)
        if size % memory.read_bytes or not 0 <= size <= MOST_LINES * memory.read_bytes:
            most = f"at most {MOST_LINES} of them"
            yield f"code_memory.{key}", f"is {size}, must be a multiple of read_bytes, {most}"


def check_numbers_are_cited(table: Mapping[str, Any]) -> Iterator[Problem]:
    """RAM, flash and clock of a shipped board stand in a datasheet, in the file that says them."""
    for key in (*CITED, "code_memory"):
        if key in table and not str(table.get("facts", {}).get(key, "")).strip():
            yield f"facts.{key}", f"missing: {key} needs its datasheet and section"


TARGET_CHECKS: Sequence[Callable[[Target], Iterable[Problem]]] = (
    *COMMON_CHECKS,
    check_core_fits_family,
    check_runtimes_fit_family,
    check_lists_have_no_repeats,
    check_default_precision_is_allowed,
    check_default_io_is_allowed,
    check_arch_fits_family,
    check_sizes_are_positive,
    check_opset_is_plausible,
    check_power_modes_are_distinct,
    check_sensor_total_is_a_rail,
    check_core_words_are_safe,
    check_core_isa_is_known,
    check_core_kernels_end_portable,
    check_cycle_classes_are_known,
    check_issue_width,
    check_cycles_are_sourced,
    check_code_memory_is_plausible,
    *FIRMWARE_CHECKS,
)
BUILT_IN_TARGET_CHECKS: Sequence[Callable[[Mapping[str, Any]], Iterable[Problem]]] = (
    check_numbers_are_cited,
)


def _core_words(core: Core) -> Iterator[tuple[str, re.Pattern[str], Sequence[str]]]:
    yield "gcc_flags", GCC_FLAG, core.gcc_flags
    yield "gcc", GCC_NAME, (core.gcc,)
    yield "zig_cpu", ZIG_WORD, (core.zig_cpu,)
    yield "zig_target", ZIG_WORD, (core.zig_target,)
    yield "qemu_machine", QEMU_MACHINE, (core.qemu_machine,) if core.qemu_machine else ()
    yield "unicorn_cpu", UNICORN_CPU, (core.unicorn_cpu,) if core.unicorn_cpu else ()
