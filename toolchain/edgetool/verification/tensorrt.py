"""Does a Jetson's TensorRT compute what the reference computes? It as a runner."""

from __future__ import annotations

from collections.abc import Mapping

from edgetool.artifact import ONNX, Artifact
from edgetool.errors import DeviceError
from edgetool.runtimes.board import Board, onnx_model
from edgetool.runtimes.session import Session
from edgetool.runtimes.tensorrt.jobs import Model
from edgetool.runtimes.tensorrt.look import find_tensorrt
from edgetool.runtimes.tensorrt.session import TensorRtSession
from edgetool.verification.device import judge_as_timed
from edgetool.verification.runners import Array, OnnxRuntimeRunner, Subject

RUNTIME = "tensorrt"
VERIFIED = 16  # samples: each costs a start of CUDA, seconds on a Nano


class DeviceTensorRtRunner(OnnxRuntimeRunner):
    """model.onnx in the device's TensorRT, as users run it: whole outputs are judged."""

    name = RUNTIME
    samples_limit = VERIFIED

    def __init__(self, subject: Subject, board: Board) -> None:
        super().__init__(subject)
        self._board = board

    def session(self, model: bytes) -> Session:
        """See OnnxRuntimeRunner."""
        artifact = self.subject.artifact
        jetson = find_tensorrt(self._board.client)
        outputs = artifact.manifest.outputs
        return TensorRtSession(self._board, jetson, model_there(self._board, artifact), outputs)

    def operators(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """See Runner; there are none: TensorRT fuses them."""
        return {}

    def judge_outputs(
        self, expected: Mapping[str, Array], found: Mapping[str, Array]
    ) -> str | None:
        """See Runner."""
        return judge_as_timed(self.subject, expected, found)


def wants_tensorrt(artifact: Artifact, runtime: str) -> bool:
    """Whether TensorRT is asked for, or is what the artifact's target runs."""
    fits = RUNTIME in artifact.manifest.target.get("runtimes", ())
    return runtime == RUNTIME or (runtime == "auto" and fits)


def model_there(board: Board, artifact: Artifact) -> Model:
    """The artifact's model.onnx on the device. Raises: DeviceError when it has none."""
    model = onnx_model(board, artifact, 1)
    if model is None:
        raise DeviceError(f"'{artifact.folder}' has no model.onnx, which TensorRT reads")
    manifest = artifact.manifest
    return Model(model.path, manifest.files[ONNX], manifest.precision)
