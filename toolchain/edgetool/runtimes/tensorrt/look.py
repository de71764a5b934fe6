"""Find a device's TensorRT."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from edgetool.agent import AgentClient
from edgetool.errors import DeviceError, ProtocolError
from edgetool.runtimes.tensorrt.engines import CAPABILITY
from edgetool.runtimes.tensorrt.failures import clean
from edgetool.runtimes.tensorrt.jobs import Board
from edgetool.runtimes.tensorrt.versions import parse_version

LOOK_TIMEOUT_S = 150.0  # trtexec loads CUDA before it says its name: seconds on a Nano
PATH = re.compile(r"^/[\x21-\x7e]{1,4000}$")


def find_tensorrt(client: AgentClient) -> Board:
    """What the device has. Raises: DeviceError where it has no trtexec that edgetool can use."""
    said = client.call("tensorrt", timeout_s=LOOK_TIMEOUT_S)
    path = said.get("trtexec")
    if path is None:
        raise DeviceError(
            f"{client.where} has no trtexec",
            hints=("apt install libnvinfer-bin on the board", "--runtime onnxruntime"),
        )
    if not isinstance(path, str) or not PATH.match(path):
        raise ProtocolError(f"{client.where} has its trtexec at {str(path)[:80]!r}")
    names = [said.get(key) for key in ("banner", "library")]
    version = parse_version(next((name for name in names if isinstance(name, str)), ""))
    return Board(version, _capability(client.where, said), clean(_text(said, "power_mode")), path)


def _capability(where: str, said: Mapping[str, Any]) -> str:
    capability = _text(said, "compute_capability")
    if not CAPABILITY.match(capability):
        raise DeviceError(
            f"{where} does not say which GPU it has",
            details=("its device tree names no chip of a Jetson that edgetool knows",),
        )
    return capability


def _text(said: Mapping[str, Any], key: str) -> str:
    value = said.get(key)
    return value if isinstance(value, str) else ""
