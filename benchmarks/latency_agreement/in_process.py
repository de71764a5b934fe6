"""Time a model in ONNX Runtime as anybody would, in a process that does nothing else.

python in_process.py MODEL INPUT.npy WARM_UP_S WINDOWS WINDOW_S    prints seconds, one number
"""

from __future__ import annotations

import sys
import time
from statistics import median
from typing import Any

import numpy as np
import onnxruntime


def main() -> None:
    """The median of windows' medians."""
    model, path, warm_up_s, windows, window_s = sys.argv[1:]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: np.load(path)}
    window(session, feed, float(warm_up_s))
    print(median(window(session, feed, float(window_s)) for _ in range(int(windows))))


def window(session: Any, feed: dict[str, Any], seconds: float) -> float:
    """The median of single inferences for so long."""
    samples = []
    end = time.perf_counter_ns() + seconds * 1e9
    while not samples or time.perf_counter_ns() < end:
        start = time.perf_counter_ns()
        session.run(None, feed)
        samples.append(time.perf_counter_ns() - start)
    return median(samples) * 1e-9


if __name__ == "__main__":
    main()
