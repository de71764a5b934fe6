"""Imports mutants in a process of its own: python import_worker.py FIRST STEP END.

Writes a line before each file ("> seed") and one after it: a JSON object, see Outcome. Memory and
processor time of each file are limited; what breaks the limits is reported as escaped.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

import onnx
import onnx_ir as ir

import mutation_onnx
from edgetool.errors import ModelFormatError
from edgetool.graph import Graph, ModelSource
from edgetool.importers import onnx as onnx_importer
from edgetool.importers import tflite as tflite_importer
from mutation import Mutant, mutate

CPU_LIMIT_S = 2.0
MEMORY_LIMIT_BYTES = 256 << 20
"""What one file may need on top of what the process has."""

IMPORTERS = {"onnx": onnx_importer.read, "tflite": tflite_importer.read}
# Functions that work on the contents of a file whose bytes were all parsed: a refusal that did not
# pass through one of them came from the header or from the parser.
BEHIND_HEADER = {"tflite": {"convert"}, "onnx": {"_build"}}
# Refusals that hide a limit: the file made the importer run out of something.
HIDDEN_FAULTS = (MemoryError, RecursionError, AssertionError)


@dataclass(frozen=True)
class Outcome:
    """result: "model", "refused" or "escaped" (anything that the contract forbids).

    behind_header: all bytes were parsed, and the model in them was looked at.
    text: the refusal, or what escaped.
    """

    seed: int
    format: str
    strategy: str
    result: str
    behind_header: bool
    text: str = ""


class OutOfTimeError(BaseException):
    """The time limit; not an Exception, so that no importer can take it for a bad file."""


def main(first: int, step: int, end: int) -> None:
    signal.signal(signal.SIGPROF, _out_of_time)
    _limit_memory()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / mutation_onnx.EXTERNAL_FILE).write_bytes(mutation_onnx.external_data())
        for seed in range(first, end, step):
            sys.stdout.write(f"> {seed}\n")
            sys.stdout.flush()
            outcome = outcome_of(mutate(seed), folder)
            sys.stdout.write(json.dumps(asdict(outcome)) + "\n")


def outcome_of(mutant: Mutant, folder: Path) -> Outcome:
    """Import one mutant under the limits."""
    result, behind, text = "model", True, ""
    source = ModelSource("mutant", mutant.format, "0" * 64)
    signal.setitimer(signal.ITIMER_PROF, CPU_LIMIT_S)
    try:
        graph = IMPORTERS[mutant.format](mutant.data, source, folder)
        _check_accepted(graph, mutant.format)
    except ModelFormatError as error:
        faults = [link for link in _chain(error) if isinstance(link, HIDDEN_FAULTS)]
        result, text = "escaped" if faults else "refused", f"{error} {faults or ''}"
        behind = not BEHIND_HEADER[mutant.format].isdisjoint(_functions(error))
    except (OutOfTimeError, Exception) as error:
        result, text = "escaped", f"{type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return Outcome(mutant.seed, mutant.format, mutant.strategy, result, behind, text[:500])


def _check_accepted(graph: Graph, format_name: str) -> None:
    """What was accepted is a model that can be written; a .tflite's is valid by construction."""
    proto = ir.to_proto(graph.model)
    if format_name == "tflite":
        onnx.checker.check_model(proto, full_check=True)


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__


def _functions(error: BaseException) -> set[str]:
    """Names of the functions that the error and its causes passed through."""
    names = set()
    for link in _chain(error):
        trace = link.__traceback__
        while trace is not None:
            names.add(trace.tb_frame.f_code.co_name)
            trace = trace.tb_next
    return names


def _limit_memory() -> None:
    mutate(0), mutate(1)  # what is loaded once is not the file's
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    limit = pages * resource.getpagesize() + MEMORY_LIMIT_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _out_of_time(number: int, frame: FrameType | None) -> None:
    raise OutOfTimeError(f"more than {CPU_LIMIT_S} s of processor time")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:4]))
