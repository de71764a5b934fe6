"""Why trtexec failed, out of its log: the layer and the cause, as an error the user can act on."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgetool.errors import DeviceError, DoesNotFitError, EdgetoolError, UnsupportedOperatorError

LOG_LIMIT = 1 << 20
SHOWN_LINES = 3
ERROR_LINE = re.compile(r"^\[[^\]]*\] \[E\] (.*)$", re.MULTILINE)
PARSED_NODE = re.compile(r'While parsing node number \d+ \[(\w+)(?: -> "([^"]*)")?')
UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


@dataclass(frozen=True)
class Cause:
    """pattern: in the log.   error: made of the match and the log's own lines."""

    pattern: re.Pattern[str]
    error: Callable[[re.Match[str], Sequence[str]], EdgetoolError]


def explain_failure(log: str) -> EdgetoolError:
    """The error behind a run of trtexec that ended with FAILED, or by a signal.

    log: what it wrote, its end if that is long; from the board, so nothing of it is believed
    or printed raw. Sources of the messages: onnx-tensorrt ModelImporter.cpp, TensorRT's builder
    and runtime as quoted in the threads that docs/jetson.md names, trtexec.cpp.
    """
    text = log[-LOG_LIMIT:]
    lines = [clean(line) for line in ERROR_LINE.findall(text)]
    for cause in CAUSES:
        match = cause.pattern.search(text)
        if match:
            return cause.error(match, lines[:SHOWN_LINES])
    return DeviceError(
        "trtexec failed without saying why it did",
        details=lines[:SHOWN_LINES] or ("its log has no error line",),
        hints=("run the command on the board and read its whole output",),
    )


def clean(text: str) -> str:
    """Text from a board as it may be printed: one line of ASCII, not long."""
    return UNPRINTABLE.sub("?", text)[:300]


def _unknown_option(match: re.Match[str], lines: Sequence[str]) -> EdgetoolError:
    return DeviceError(
        f"this trtexec does not know {clean(match[1])}",
        details=lines,
        hints=("edgetool took its TensorRT for another version: edgetool devices check",),
    )


def _unsupported(match: re.Match[str], lines: Sequence[str]) -> EdgetoolError:
    where = PARSED_NODE.search(match.string)
    node = f", node {clean(where[2] or where[1])}" if where else ""
    return UnsupportedOperatorError(
        f"TensorRT on the board has no operator {clean(match[1])}{node}",
        details=lines,
        hints=("--runtime onnxruntime",),
    )


def _not_parsed(match: re.Match[str], lines: Sequence[str]) -> EdgetoolError:
    return UnsupportedOperatorError(
        f"TensorRT on the board cannot read the model's {clean(match[1])}, "
        f"node {clean(match[2] or 'without a name')}",
        details=lines,
        hints=("--runtime onnxruntime",),
    )


def _no_kernel(match: re.Match[str], lines: Sequence[str]) -> EdgetoolError:
    return UnsupportedOperatorError(
        f"TensorRT has no kernel for layer {clean(match[1])} on this GPU",
        details=lines,
        hints=("a larger workspace", "another --precision", "--runtime onnxruntime"),
    )


def _out_of_memory(match: re.Match[str], lines: Sequence[str]) -> EdgetoolError:
    return DoesNotFitError(
        "the board ran out of memory in TensorRT",
        details=lines,
        hints=("end other programs on the board", "a smaller model or batch", "add swap"),
    )


def _other_engine(match: re.Match[str], lines: Sequence[str]) -> EdgetoolError:
    return DeviceError(
        "the engine in the board's cache is another TensorRT's or another GPU's",
        details=lines,
        hints=("run again: it is built anew",),
    )


def _no_engine(match: re.Match[str], lines: Sequence[str]) -> EdgetoolError:
    return DeviceError("TensorRT could not build the engine", details=lines)


def _no_permission(match: re.Match[str], lines: Sequence[str]) -> EdgetoolError:
    return DeviceError(
        "TensorRT could not use the GPU",
        details=lines,
        hints=("the user has to be in the board's group video", "is the GPU's driver loaded?"),
    )


def _cause(pattern: str, error: Callable[[re.Match[str], Sequence[str]], EdgetoolError]) -> Cause:
    return Cause(re.compile(pattern), error)


# The first that is found counts: a cause stands above what follows from it.
CAUSES = (
    _cause(r"Unknown option: (\S+)", _unknown_option),
    _cause(r"No importer registered for op: (\w+)", _unsupported),
    _cause(r"Plugin not found.*?plugin name: (\w+)", _unsupported),
    _cause(PARSED_NODE.pattern, _not_parsed),
    _cause(r"(?i)out ?of ?memory|cudaErrorMemoryAllocation|std::bad_alloc", _out_of_memory),
    _cause(r"(?m)Could not find any implementation for node (.+?)\.\)?\s*$", _no_kernel),
    _cause(
        r"(?i)plan file is not compatible|serialized engine version|incompatible device|"
        r"engine plan file is generated on an",
        _other_engine,
    ),
    _cause(
        r"no CUDA-capable device|cudaErrorInsufficientDriver|CUDA initialization failure",
        _no_permission,
    ),
    _cause(
        r"Engine could not be created from network|Building engine failed|Engine set up failed",
        _no_engine,
    ),
)
