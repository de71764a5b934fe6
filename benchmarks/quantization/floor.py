"""The least that calibration can cost: python floor.py MODEL DATA SIZES.

One optimised float pass over the samples on one thread, and over as many numbers as the quantized
activations have (SIZES: JSON list of elements a sample) extremes or a histogram in compiled C.
Prints JSON: CPU seconds of each part, the least of a few runs, and the peak memory in MiB after the
float pass alone, and what of it was there after the imports.
"""

from __future__ import annotations

import ctypes
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime

RUNS = 3


def cpu_s() -> float:
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_mib() -> float:
    """The most memory that this program has had; ru_maxrss begins at what its parent had."""
    status = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024


def float_pass(model: str, data: str) -> tuple[float, int]:
    """(CPU seconds, number of samples)."""
    samples = np.load(data)["x"]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def once() -> None:
        for sample in samples:
            session.run(None, {name: sample[None]})

    return timed(once, 1), len(samples)


def compiled(folder: str) -> ctypes.CDLL:
    """floor.c, built with the system's C compiler for this CPU."""
    library = Path(folder) / "floor.so"
    source = Path(__file__).with_name("floor.c")
    flags = ["-O3", "-march=native", "-ffast-math", "-shared", "-fPIC"]
    subprocess.run(["cc", *flags, "-o", str(library), str(source)], check=True)
    return ctypes.CDLL(str(library))


def timed(work: Callable[[], object], repeats: int) -> float:
    """CPU seconds of that many calls, the least of a few runs."""
    spent = []
    for _ in range(RUNS):
        started = cpu_s()
        for _ in range(repeats):
            work()
        spent.append(cpu_s() - started)
    return min(spent)


def statistics_cost(sizes: list[int], samples: int) -> tuple[float, float]:
    """CPU seconds of (extremes, histograms) over all activations of all samples."""
    values = np.abs(np.random.default_rng(0).standard_normal(max(sizes))).astype(np.float32)
    low, high = ctypes.c_float(0), ctypes.c_float(0)
    bins = np.zeros(2048, np.uint32)
    pointer = values.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
    counts = bins.ctypes.data_as(ctypes.POINTER(ctypes.c_uint32))
    with tempfile.TemporaryDirectory() as folder:
        library = compiled(folder)

        def extremes() -> None:
            for size in sizes:
                count = ctypes.c_size_t(size)
                library.extremes(pointer, count, ctypes.byref(low), ctypes.byref(high))

        def histograms() -> None:
            for size in sizes:
                arguments = (ctypes.c_size_t(size), ctypes.c_float(0), ctypes.c_float(400))
                library.histogram(pointer, *arguments, counts)

        return timed(extremes, samples), timed(histograms, samples)


def main(model: str, data: str, sizes: str) -> None:
    """Measure and print."""
    imported = peak_mib()
    passed, samples = float_pass(model, data)
    peak = peak_mib()
    extremes, histograms = statistics_cost(json.loads(sizes), samples)
    costs = {"float_cpu_s": passed, "extremes_cpu_s": extremes, "histograms_cpu_s": histograms}
    print(json.dumps({**costs, "peak_mib": peak, "imported_mib": imported}))


if __name__ == "__main__":
    main(*sys.argv[1:])
