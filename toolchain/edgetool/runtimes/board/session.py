"""A model in a runtime on a device, asked as if it were here."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.agent import Event
from edgetool.errors import ProtocolError
from edgetool.runtimes.board.board import Board
from edgetool.runtimes.board.model import BoardModel, push_inputs
from edgetool.runtimes.session import Progress

Array = npt.NDArray[Any]

LARGEST_OUTPUT_BYTES = 1 << 30


class BoardSession:
    """See runtimes.session.Session.   exact: the runtime's reference arithmetic.

    python: folder of the runtime's packages below the root, None for an installed one.
    """

    def __init__(
        self, board: Board, runtime: str, model: bytes, python: str | None, *, exact: bool
    ) -> None:
        self.name = runtime
        self.package = ""
        self._board = board
        path = board.push(model)
        self._model = BoardModel(runtime, runtime, path, (), python=python, exact=exact)

    def run(
        self, inputs: Mapping[str, Array], progress: Progress | None = None
    ) -> dict[str, Array]:
        """See Session.run. Raises: DeviceError."""
        count = len(next(iter(inputs.values())))

        def show(event: Event) -> None:
            done = event.fields.get("done")
            if progress is not None and isinstance(done, int):
                progress(min(done, count), count, f"{self.name} on the device")

        described = self._model.to_json()
        described["inputs"] = [
            vars(port) | {"shape": list(port.shape)} for port in push_inputs(self._board, inputs)
        ]
        job = {"kind": "infer", "model": described, "samples": count}
        run, state = self._board.run(job, show)
        try:
            return self._fetched(run, state.result, count)
        finally:
            self._board.forget(run)

    def _fetched(self, run: str, result: Mapping[str, Any], count: int) -> dict[str, Array]:
        self.package = f"{result.get('package')} {result.get('version')}"
        ports = [checked_port(self._board.where, port, count) for port in result["outputs"]]
        size = sum(prod(shape) * dtype.itemsize for _, dtype, shape in ports)
        content = self._board.fetch(run, "outputs.bin", size)
        arrays, offset = {}, 0
        for name, dtype, shape in ports:
            end = offset + prod(shape) * dtype.itemsize
            array = np.frombuffer(content[offset:end], dtype).reshape(shape)
            arrays[name] = array.astype(dtype.newbyteorder("="))
            offset = end
        return arrays


def checked_port(where: str, port: Any, count: int) -> tuple[str, np.dtype[Any], tuple[int, ...]]:
    """(name, dtype, shape) of an output. Raises: ProtocolError for what no agent of ours says."""
    try:
        dtype = np.dtype(port["dtype"]).newbyteorder("<")
        shape = tuple(int(dim) for dim in port["shape"])
        sane = shape[0] == count and min(shape) > 0 and dtype.kind in "fiub"
        if sane and prod(shape) * dtype.itemsize <= LARGEST_OUTPUT_BYTES:
            return str(port["name"]), dtype, shape
    except (KeyError, TypeError, ValueError, IndexError):
        pass
    raise ProtocolError(f"{where} describes an output that no model has: {str(port)[:80]!r}")
