"""What a target, a model recipe and a measurement profile say: the frozen nouns of the packs.

Nothing here reads files. A field that a TOML file may set has the same name there; name, source
and parents are given by whoever reads the file. None means "not known" or "no limit", never zero.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

Family = Literal["microcontroller", "linux", "host"]
Runtime = Literal["c", "onnxruntime", "litert", "tensorrt"]
Precision = Literal["float32", "float16", "bfloat16", "int8", "int16x8", "w4a8", "w4a4", "w4"]
ElementType = Literal["int8", "float32"]
Role = Literal["model", "float-model", "calibration", "evaluation"]
Quantity = Literal["latency", "energy"]
FlashTool = Literal["pyocd", "openocd", "st-flash", "picotool"]

RUNTIMES: tuple[str, ...] = get_args(Runtime)
PRECISIONS: tuple[str, ...] = get_args(Precision)
FLASH_TOOLS: tuple[str, ...] = get_args(FlashTool)


@dataclass(frozen=True)
class Source:
    """Where a pack came from.

    path: the TOML file.   sha256: of its bytes, in hexadecimal.
    origin: "built in", "$EDGETOOL_PATH", "command line" or "entry point <distribution>".
    """

    path: Path
    sha256: str
    origin: str


@dataclass(frozen=True)
class Core:
    """A microcontroller core: how to compile for it, emulate it and estimate its cycles.

    name: "cortex-m4".   isa: "armv7e-m", "armv6-m", "rv32imc".
    fpu, dsp, mve: single-precision floating point, DSP extension, Helium are present and used.
    zig_target, zig_cpu: for `zig cc -target … -mcpu=…`.   gcc: compiler executable's name.
    gcc_flags: architecture and float ABI, for compiling and linking alike.
    qemu_machine: of qemu-system-arm or -riscv32; None: QEMU cannot run it.
    unicorn_cpu: constant's name in unicorn's module; None: unicorn cannot run it.
    cycles: instruction class (CYCLE_CLASSES) → cycles, memory without wait states.
    issue_width: 2 where the core issues up to two instructions a cycle, in order.
    cycles_source: the manual and table behind cycles.   cycles_note: what is approximate in it.
    kernels: target folders whose kernels/ are searched in this order; the last is "portable".
    """

    name: str
    isa: str
    fpu: bool
    dsp: bool
    mve: bool
    zig_target: str
    zig_cpu: str
    gcc: str
    gcc_flags: tuple[str, ...]
    kernels: tuple[str, ...]
    qemu_machine: str | None = None
    unicorn_cpu: str | None = None
    cycles: Mapping[str, float] = field(default_factory=dict)
    issue_width: int = 1
    cycles_source: str = ""
    cycles_note: str = ""


@dataclass(frozen=True)
class CodeMemory:
    """What a board reads code and constants from, at its clock.

    wait_states: cycles beyond the first that a read takes.   read_bytes: that one read brings.
    instruction_cache_bytes, data_cache_bytes: kept of what was read; 0: only the last read is.
    prefetch: whether the next read begins while what was read runs.
    """

    wait_states: int
    read_bytes: int
    instruction_cache_bytes: int = 0
    data_cache_bytes: int = 0
    prefetch: bool = False


@dataclass(frozen=True)
class Flash:
    """How firmware gets onto a board.

    tools: what can write its flash, best first.   address: where a flat image goes.
    pyocd_target: for `pyocd --target`.   openocd_config: scripts that come with OpenOCD, in order;
    openocd_speed_khz: of the adapter, None: what the scripts say.
    """

    tools: tuple[FlashTool, ...]
    address: int | None = None
    pyocd_target: str | None = None
    openocd_config: tuple[str, ...] = ()
    openocd_speed_khz: int | None = None


@dataclass(frozen=True)
class FirmwarePort:
    """What edgetool's firmware needs to know to be built for a board without a vendor's project.

    source: a file of targets/firmware/ports/ without ".c".   flash_*, ram_*: what it may use.
    stack_bytes: of the one stack.   defines: numbers that the source asks for by name.
    tried: where this port has run, for the user.
    """

    source: str
    flash_start: int
    flash_bytes: int
    ram_start: int
    ram_bytes: int
    tried: str
    stack_bytes: int = 8192
    defines: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Sensor:
    """An on-board power sensor.

    meter: the instrument's name in edgetool ("ina3221").   rails: its labels, as the board spells
    them.   total: the rail that measures the whole module; None: the rails do not add up to one.
    covers: what is and is not in the figure, for the reader.
    """

    meter: str
    rails: tuple[str, ...] = ()
    total: str | None = None
    covers: str = ""


@dataclass(frozen=True)
class PowerMode:
    """A power mode a board can be put into.

    name: as the board's own tool spells it.   id: number for that tool (nvpmodel -m), or None.
    power_w: the mode's power budget in watts, or None where the maker gives none.
    """

    name: str
    id: int | None = None
    power_w: float | None = None


@dataclass(frozen=True)
class Target:
    """What a model is compiled for: a board, a bare core or this machine.

    ram_bytes: one contiguous RAM region that a model may use; None: no limit known (bare core).
    flash_bytes: program memory; None: no limit known.   clock_hz: highest CPU clock.
    arch: of a Linux board, as uname -m says ("aarch64").
    runtimes: what can run an artifact here, best first.   opset_max: highest ONNX opset taken.
    precisions: allowed; default_precision: taken when --precision is not given.
    symmetric_activations: int8 activations need zero point 0 (TensorRT).
    default_io: element type of an artifact's inputs and outputs.
    code_memory: what code and constants are read from, None: without wait states, or not known.
    flash, port: how firmware is written to and built for a microcontroller board, where known.
    notes: sentences said to the user at compile.
    facts: field → citation (document and section).   parents: packs inherited from, nearest first.
    """

    name: str
    description: str
    family: Family
    runtimes: tuple[Runtime, ...]
    precisions: tuple[Precision, ...]
    default_precision: Precision
    source: Source
    core: Core | None = None
    ram_bytes: int | None = None
    flash_bytes: int | None = None
    clock_hz: int | None = None
    arch: str | None = None
    opset_max: int | None = None
    symmetric_activations: bool = False
    default_io: ElementType = "float32"
    code_memory: CodeMemory | None = None
    flash: Flash | None = None
    port: FirmwarePort | None = None
    sensors: tuple[Sensor, ...] = ()
    power_modes: tuple[PowerMode, ...] = ()
    notes: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    parents: tuple[Source, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Every field that is known, as JSON types; what is None is left out."""
        return pack_to_json(self)


@dataclass(frozen=True)
class ModelInput:
    """A model's input.

    shape: without a batch of unknown size: 1 stands for it.   layout: "NHWC", "NCHW", "NC".
    dtype: "float32", "int8".   name: in the model, or None where it is the only input.
    """

    shape: tuple[int, ...]
    layout: str
    dtype: str
    name: str | None = None


@dataclass(frozen=True)
class RecipeFile:
    """One file of a recipe, identified by its content.

    name: a plain file name.   sha256: of its bytes, in hexadecimal.   role: what it is for.
    url: https, pinned to a commit; None: shipped beside the recipe, or only in EDGETOOL_MIRROR.
    shipped: it lies beside recipe.toml.   size_bytes: None where it is not known.
    """

    name: str
    sha256: str
    role: Role
    url: str | None = None
    shipped: bool = False
    size_bytes: int | None = None
    note: str = ""


@dataclass(frozen=True)
class UnofferedFile:
    """A file that a reader would expect in the recipe, and why it cannot be offered."""

    name: str
    why: str


@dataclass(frozen=True)
class Recipe:
    """Where a model comes from, what it takes and how good it must be.

    licence: SPDX identifier.   homepage: https address for people.
    metric: "top1", "auc" or "mse".   accuracy_floor: lowest value of metric accepted (highest for
    "mse"), None where no evaluation data can be offered.
    builder: "edgetool.module:function" that makes the files; it takes the output folder.
    """

    name: str
    description: str
    licence: str
    input: ModelInput
    metric: str
    source: Source
    homepage: str = ""
    accuracy_floor: float | None = None
    builder: str | None = None
    files: tuple[RecipeFile, ...] = ()
    unoffered: tuple[UnofferedFile, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    parents: tuple[Source, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Every field that is known, as JSON types; what is None is left out."""
        return pack_to_json(self)


@dataclass(frozen=True)
class WarmUp:
    """What runs before anything counts.

    runs_min, duration_min_s: both hold.   duration_max_s: give up settling after this long.
    latency_slope_max: relative change of latency per second accepted as settled; None: not tested.
    temperature_slope_max_k_per_s: likewise for the hottest sensor.
    """

    runs_min: int
    duration_min_s: float = 0.0
    duration_max_s: float | None = None
    latency_slope_max: float | None = None
    temperature_slope_max_k_per_s: float | None = None


@dataclass(frozen=True)
class Repeats:
    """What counts.

    windows: independent measuring windows; intervals are taken over these.
    inferences_min, duration_min_s: of each window, both hold.   inputs: different input samples.
    order: "blocked" (one variant after the other), "interleaved" or "abba".
    """

    windows: int
    inferences_min: int
    duration_min_s: float = 0.0
    inputs: int = 1
    order: Literal["blocked", "interleaved", "abba"] = "blocked"


@dataclass(frozen=True)
class Statistics:
    """How windows become one figure: center with spread and an interval at this confidence."""

    center: Literal["median", "slope"]
    spread: Literal["iqr", "mad"] = "iqr"
    interval: Literal["bootstrap", "uncertainty"] = "bootstrap"
    confidence: float = 0.95


@dataclass(frozen=True)
class EnergyProtocol:
    """What an energy measurement asks for beyond a latency measurement.

    inference_counts: N of E(N) = a + b·N, at least three; empty: energy of a window over its count.
    idle_before_s, idle_after_s: idle power is taken on both sides.
    coverage_min: fraction of a window with samples below which the result is refused.
    coverage_factor: k of the expanded uncertainty.   reported: which energies are given.
    poll_jitter: random part of the poll interval, as a fraction, for sensors that are polled.
    marker_edge_min_s: width of the edge that marks a window on a wire to the meter, or None.
    """

    idle_before_s: float
    idle_after_s: float
    coverage_min: float
    reported: tuple[Literal["gross", "above-idle", "marginal"], ...]
    inference_counts: tuple[int, ...] = ()
    coverage_factor: float = 2.0
    poll_jitter: float = 0.0
    marker_edge_min_s: float | None = None


@dataclass(frozen=True)
class Profile:
    """A measurement protocol: what is measured, and the rules a valid result follows."""

    name: str
    description: str
    quantities: tuple[Quantity, ...]
    warm_up: WarmUp
    repeats: Repeats
    statistics: Statistics
    source: Source
    energy: EnergyProtocol | None = None
    notes: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    parents: tuple[Source, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Every field that is known, as JSON types; what is None is left out."""
        return pack_to_json(self)


def pack_to_json(pack: Target | Recipe | Profile) -> dict[str, Any]:
    """A pack as JSON types; a field that is None is left out."""
    return {name: _as_json(part) for name, part in _known_fields(pack)}


def _known_fields(value: Any) -> list[tuple[str, Any]]:
    named = ((f.name, getattr(value, f.name)) for f in dataclasses.fields(value))
    return [(name, part) for name, part in named if part is not None]


def _as_json(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {name: _as_json(part) for name, part in _known_fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _as_json(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(part) for part in value]
    return str(value) if isinstance(value, Path) else value
