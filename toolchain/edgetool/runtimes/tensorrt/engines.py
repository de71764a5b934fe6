"""What an engine in a board's cache is called, so that no other engine can be taken for it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from edgetool.errors import ProtocolError
from edgetool.runtimes.tensorrt.versions import TensorRtVersion

FOLDER = "engines"
CAPABILITY = re.compile(r"^\d{1,2}\.\d$")
SHA256 = re.compile(r"^[0-9a-f]{64}$")
HASH_DIGITS = 16


@dataclass(frozen=True)
class EnginePlace:
    """Paths below the device's root.

    prefix: begins the names of all engines that this TensorRT on this GPU can load; what is
    called otherwise is stale.   timing_cache: shared by them: what the builder has measured.
    """

    engine: str
    timing_cache: str
    prefix: str


def place_engine(
    *,
    model_sha256: str,
    version: TensorRtVersion,
    compute_capability: str,
    flags: Sequence[str],
    power_mode: str,
) -> EnginePlace:
    """Where the engine of a model is, or is to be.

    flags: of build_flags.   power_mode: name of the nvpmodel mode in which it is built, "" if
    none: the builder chooses kernels by their time, which clocks change.
    Raises: ProtocolError for a capability or hash of no such form.
    """
    if not CAPABILITY.match(compute_capability):
        raise ProtocolError(f"no compute capability of a GPU: {compute_capability[:20]!r}")
    if not SHA256.match(model_sha256):
        raise ProtocolError(f"no sha256 of a model: {model_sha256[:80]!r}")
    prefix = f"trt{version}-sm{compute_capability}-"
    facts = "\n".join([model_sha256, power_mode, *flags])
    name = prefix + hashlib.sha256(facts.encode()).hexdigest()[:HASH_DIGITS]
    mode = hashlib.sha256(power_mode.encode()).hexdigest()[:HASH_DIGITS]
    return EnginePlace(f"{FOLDER}/{name}.plan", f"{FOLDER}/{prefix}{mode}.timing", prefix)
