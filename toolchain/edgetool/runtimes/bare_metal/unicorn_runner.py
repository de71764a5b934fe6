"""Run an image in unicorn, which lives in a process of its own (unicorn_process.py)."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import edgetool
from edgetool.compilers import Image
from edgetool.compilers.elf import read_elf
from edgetool.compilers.host import shared_object
from edgetool.errors import CompilerError, DeviceError, MissingToolError
from edgetool.packs.schema import CodeMemory, Core
from edgetool.runtimes.bare_metal.outputs import split_outputs
from edgetool.runtimes.bare_metal.process import run_to_end
from edgetool.runtimes.bare_metal.result import (
    Block,
    CacheCounts,
    EmulatedRun,
    Fault,
    Inference,
    damage_error,
    stack_error,
    status_error,
    timeout_error,
)

_MODULE = "edgetool.runtimes.bare_metal.unicorn_process"
_FOLDER = Path(__file__).parent
_HOOK_SOURCES = tuple(
    _FOLDER / name for name in ("unicorn_hook.c", "block_table.h", "flash_cache.h")
)
_SCRATCH_BYTES = 16384
"""The harness's stack, unused in unicorn: pointers to several inputs and outputs go there."""


def run_in_unicorn(
    image: Image,
    core: Core,
    inputs: tuple[Inference, ...],
    count: bool,
    timeout_s: float,
    code_memory: CodeMemory | None = None,
) -> EmulatedRun:
    """As edgetool.runtimes.bare_metal.run; blocks come from all inferences."""
    _require(core)
    with tempfile.TemporaryDirectory(prefix="edgetool-unicorn-") as name:
        folder = Path(name)
        request = _request(image, core, len(inputs), count, timeout_s)
        request["caches"] = _caches(code_memory)
        _write_request(folder, request, image, inputs)
        response = _call(image, folder, timeout_s)
        _refuse_failure(image, response, timeout_s)
        outputs = split_outputs((folder / "outputs").read_bytes(), image.plan, len(inputs))
    inferences = response["inferences"]
    blocks = tuple(Block(*fields) for fields in response["blocks"])
    return EmulatedRun(
        outputs=outputs,
        instructions=tuple(i["instructions"] for i in inferences) if count else (),
        stack_bytes=max(inference["stack_bytes"] for inference in inferences),
        arena_used_bytes=max(inference["arena_bytes"] for inference in inferences),
        emulator=f"unicorn {response['unicorn']}",
        blocks=blocks,
        counted=len(inferences) if blocks else 0,
        flash={name: CacheCounts(*counts) for name, counts in response["caches"].items()},
    )


def _require(core: Core) -> None:
    if core.unicorn_cpu is None:
        raise DeviceError(
            f"unicorn cannot run {core.name}",
            hints=["--emulator qemu (apt install qemu-system-arm)"],
        )
    if importlib.util.find_spec("unicorn") is None:
        raise MissingToolError(
            f"no emulator to run {core.name}: the unicorn wheel is not installed",
            hints=["pip install 'edgetool[mcu]'", "--emulator qemu"],
        )


def _request(image: Image, core: Core, inferences: int, count: bool, timeout_s: float) -> Any:
    plan, symbol = image.plan, {name: s.address for name, s in image.symbols.items()}
    region = symbol["edge_region"]
    scratch = symbol["edge_harness_stack_top"] - _SCRATCH_BYTES
    pointers = [region + buffer.offset for buffer in (*plan.inputs, *plan.outputs)]
    tables = (scratch, scratch + 4 * len(plan.inputs))
    direct = (pointers[0], pointers[len(plan.inputs)])
    return {
        "architecture": "riscv" if core.isa.startswith("rv") else "arm",
        "cpu": core.unicorn_cpu,
        "regions": [[r.start, r.size] for r in image.machine.regions],
        "inputs": [[b.offset, b.size] for b in plan.inputs],
        "outputs": [[b.offset, b.size] for b in plan.outputs],
        "arena": [plan.arena.offset, plan.arena.size],
        "region": region,
        "region_size": plan.size,
        "pointer_table": scratch,
        "pointers": pointers,
        "arguments": [*(direct if image.single_io else tables), region + plan.arena.offset],
        "stack": [symbol["edge_stack_bottom"], symbol["edge_stack_top"]],
        "run": symbol[f"{image.name}_run"],
        "run_range": image.run_range,
        "stop": symbol["edge_stop"],
        "model": [symbol["edge_model_start"], symbol["edge_model_end"]],
        "inferences": inferences,
        "count": count,
        "hook": _hook() if count else None,
        "timeout_s": timeout_s,
    }


def _caches(memory: CodeMemory | None) -> dict[str, tuple[int, int]]:
    """(bytes of a read, reads that are kept) of what the board's flash answers."""
    if memory is None:
        return {}
    unit = memory.read_bytes
    return {
        "instructions": (unit, memory.instruction_cache_bytes // unit),
        "constants": (unit, memory.data_cache_bytes // unit),
    }


def _hook() -> str | None:
    """Path of the compiled block hook; without it the child counts in Python, slowly."""
    try:
        library = shared_object(_HOOK_SOURCES, {})
    except CompilerError:
        return None
    return str(library) if library else None


def _write_request(folder: Path, request: Any, image: Image, inputs: tuple[Inference, ...]) -> None:
    memory = bytearray()
    request["segments"] = []
    for segment in read_elf(image.elf).segments:
        request["segments"].append([segment.address, len(memory), len(segment.data)])
        memory += segment.data
    (folder / "memory").write_bytes(memory)
    (folder / "inputs").write_bytes(b"".join(part for inference in inputs for part in inference))
    (folder / "request.json").write_text(json.dumps(request))


def _call(image: Image, folder: Path, timeout_s: float) -> Any:
    source_root = str(Path(edgetool.__file__).parents[1])
    path = os.pathsep.join(filter(None, (source_root, os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-m", _MODULE, str(folder)]
    finished = run_to_end(command, folder, timeout_s, environment=os.environ | {"PYTHONPATH": path})
    if finished.returncode is None:
        raise timeout_error(image, timeout_s, "")
    if finished.returncode != 0:
        said = finished.stderr.strip().splitlines()[-6:]
        raise DeviceError(f"unicorn's process ended with {finished.returncode}", details=said)
    return json.loads((folder / "response.json").read_text())


def _refuse_failure(image: Image, response: Any, timeout_s: float) -> None:
    for index, inference in enumerate(response["inferences"]):
        _refuse_bad_inference(image, inference, index)
    stopped = response.get("stopped")
    if not stopped:
        return
    index = len(response["inferences"])
    if "timeout" in stopped:
        where = f"inference: {index}, at {image.describe(stopped['pc'])}"
        raise timeout_error(image, timeout_s, where)
    if _is_below_stack(image, stopped.get("address")):
        raise stack_error(image, index)
    raise Fault(stopped["fault"], stopped["pc"], stopped["lr"], index).error(image)


def _is_below_stack(image: Image, address: int | None) -> bool:
    """Whether an access without memory is one that a stack that is too small would make."""
    bottom = image.symbols["edge_stack_bottom"].address
    return address is not None and bottom - image.stack_bytes <= address < bottom


def _refuse_bad_inference(image: Image, inference: Any, index: int) -> None:
    if inference["stack_bytes"] >= image.stack_bytes:
        raise stack_error(image, index)
    if inference["damaged"] is not None:
        raise damage_error(image, inference["damaged"], index)
    if inference["status"] != 0:
        raise status_error(image, inference["status"], index)
