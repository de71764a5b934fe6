"""A model in a Jetson's TensorRT, asked as if it were here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.agent import Event, RunState
from edgetool.artifact import Port
from edgetool.errors import CheckError, DeviceError
from edgetool.runtimes.board.board import Board
from edgetool.runtimes.board.model import push_inputs
from edgetool.runtimes.session import Progress
from edgetool.runtimes.tensorrt.jobs import Board as Jetson
from edgetool.runtimes.tensorrt.jobs import Model, Result, describe_job, explain_log, read_result
from edgetool.runtimes.tensorrt.outputs import OutputTensor

Array = npt.NDArray[Any]
OnEvent = Callable[[Event], None]
LABELS = {"building": "build the engine", "infer": "prove", "time": "measure on the device"}


class TensorRtSession:
    """See runtimes.session.Session.   outputs: what the artifact's manifest says of them."""

    name = "tensorrt"

    def __init__(self, board: Board, jetson: Jetson, model: Model, outputs: Sequence[Port]) -> None:
        self._board = board
        self._jetson = jetson
        self._model = model
        self._outputs = outputs

    def run(
        self, inputs: Mapping[str, Array], progress: Progress | None = None
    ) -> dict[str, Array]:
        """See Session.run; a start of trtexec for each sample.

        Raises: DeviceError and its kind; CheckError when an output is not there, has another
        number of values, or one that is not a finite number.
        """
        job = describe_job(self._jetson, self._model, inferences=push_samples(self._board, inputs))
        _, result = run_trtexec(self._board, job, lambda event: show_state(event, progress))
        where = self._board.where
        return {
            port.name: np.stack([output_of(where, port, sample) for sample in result.outputs])
            for port in self._outputs
        }


def run_trtexec(
    board: Board, job: Mapping[str, Any], on_event: OnEvent | None = None
) -> tuple[RunState, Result]:
    """A job of jobs.describe_job to its end: how it ended, and its result taken apart.

    Raises: DeviceError and its kind; what failures.explain_failure says when trtexec failed.
    """
    journal: list[dict[str, Any]] = []

    def take(event: Event) -> None:
        journal.append({**event.fields, "kind": event.kind})
        if on_event is not None:
            on_event(event)

    try:
        run, state = board.run(job, take)
    except DeviceError as error:
        raise explain_log(journal) or error from None
    result = read_result(job, journal)
    board.forget(run)
    return state, result


def push_samples(board: Board, feed: Mapping[str, Array]) -> list[dict[str, str]]:
    """Files on the device by input, of each sample.   feed: as the model takes it."""
    pushed = [
        push_inputs(board, {name: array[n : n + 1] for name, array in feed.items()})
        for n in range(len(next(iter(feed.values()))))
    ]
    return [{port.name: port.path for port in sample} for sample in pushed]


def output_of(where: str, port: Port, sample: Sequence[OutputTensor]) -> Array:
    """One sample of an output, in the source model's shape and type. Raises: CheckError."""
    values = next((np.array(tensor.values) for tensor in sample if tensor.name == port.name), None)
    if values is None:
        raise computes_another(where, f"there is no output '{port.name}'")
    if values.size != np.prod(port.source_shape):
        raise computes_another(where, f"output '{port.name}' has {values.size} values")
    if not np.isfinite(values).all():
        raise computes_another(
            where, f"output '{port.name}' holds values that are no finite numbers"
        )
    return values.reshape(port.source_shape).astype(port.source_dtype)


def show_state(event: Event, progress: Progress | None) -> None:
    """What a job is about."""
    label = LABELS.get(str(event.fields.get("state")))
    if progress is not None and event.kind == "state" and label is not None:
        progress(0, 0, label)


def computes_another(where: str, detail: str) -> CheckError:
    """TensorRT's outputs are wrong; detail: which, and how."""
    return CheckError(
        f"TensorRT on {where} computes something else than the model",
        details=(detail,),
        hints=("--precision float32 shows whether the precision is the reason",),
    )
