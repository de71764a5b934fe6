"""Compile a model once, then build and emulate it for a core, a compiler and an aim."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgetool.compilation import CompileRequest, compile_model
from edgetool.errors import EdgetoolError
from edgetool.figures import Figure
from edgetool.models import get_model
from edgetool.packs import find_target
from edgetool.profiling.emulated import EmulatedBuild
from edgetool.program.program import Program
from edgetool.verification.emulator import samples_as_bytes
from random_networks import NETWORKS, write_network

ANY_CORE = "cortex-m4"  # a Program does not depend on which core it is for
PUBLISHED = {"digits-cnn": "model.onnx", "kws": "kws_int8.tflite", "ic": "ic_int8.tflite"}
MODELS = (*PUBLISHED, *NETWORKS)


@dataclass(frozen=True)
class Subject:
    """A quantized model and one sample.   random: whether its weights are.

    inputs, outputs: bytes of each, as they go in and must come out.
    """

    name: str
    random: bool
    program: Program
    inputs: list[bytes]
    outputs: list[bytes]


@dataclass(frozen=True)
class Row:
    """What one build costs.   exact: whether the outputs were the reference's, bit for bit."""

    model: str
    core: str
    compiler: str
    aim: str
    exact: bool
    figures: Mapping[str, Figure]


def prepare(name: str, folder: Path) -> Subject:
    """Quantize a model. Raises: EdgetoolError where its files cannot be had."""
    if name in NETWORKS:
        model, calibration = write_network(name, folder / name)
    else:
        files = get_model(name, folder / name)
        model = next(path for path in files if path.name == PUBLISHED[name])
        calibration = next((p for p in files if p.name == "calibration.npz"), None)
    given = None if calibration is None or model.suffix == ".tflite" else str(calibration)
    with tempfile.TemporaryDirectory() as work:
        request = CompileRequest(
            model, ANY_CORE, calibrate=given, compiler="none", output=Path(work) / "artifact"
        )
        artifact = compile_model(request)
        program = artifact.program()
        inputs, outputs = artifact.golden()
    if program is None:
        raise EdgetoolError(f"'{name}' has no Program")
    fed, expected = (
        {internal: arrays[port][:1] for port, internal in zip(ports, names, strict=True)}
        for arrays, ports, names in (
            (inputs, program.input_names, program.inputs),
            (outputs, program.output_names, program.outputs),
        )
    )
    return Subject(
        name,
        name in NETWORKS,
        program,
        samples_as_bytes(program, fed)[0],
        [expected[output][0].tobytes() for output in program.outputs],
    )


def measure(subject: Subject, core: str, compiler: str, aim: str) -> Row:
    """Build and emulate. Raises: EdgetoolError."""
    target = find_target(core)
    build = EmulatedBuild(subject.program, target, compiler, subject.inputs, emulator=None)
    figures, done = build.run(aim)
    exact = list(done.outputs[0]) == subject.outputs
    return Row(subject.name, core, compiler, aim, exact, figures)
