"""Which runtimes a device has: installed for its Python, or pushed into python/."""

import json
import os
import platform
import subprocess
import sys

FOLDER = "python"
MODULES = {"onnxruntime": ["onnxruntime"], "litert": ["ai_edge_litert", "tflite_runtime"]}
LOOK = """
import importlib.util, json, sys
names = json.loads(sys.argv[1])
print(json.dumps([name for name in names if importlib.util.find_spec(name)]))
"""
LOOK_S = 60


def runtimes(root):
    """The verb `runtimes`: what a wheel must fit, and where each runtime is.

    runtimes: {"onnxruntime": null for an installed one, or its folder below the root}.
    """
    found = {}
    for folder in [None, *pushed(root)]:
        there = modules_in(root, folder)
        for runtime, names in MODULES.items():
            if runtime not in found and "numpy" in there and set(names) & set(there):
                found[runtime] = folder
    libc = platform.libc_ver()
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "machine": platform.machine(),
        "bits": 64 if sys.maxsize > 2**32 else 32,
        "libc": list(libc),
        "cpus": os.cpu_count() or 1,
        "runtimes": found,
    }


def pushed(root):
    """Folders of packages that were pushed, the newest name first."""
    folder = os.path.join(root, FOLDER)
    names = sorted(os.listdir(folder), reverse=True) if os.path.isdir(folder) else []
    return [FOLDER + "/" + name for name in names if not name.startswith(".")]


def modules_in(root, folder):
    """Which of the modules a Python finds with these packages; it imports none of them."""
    wanted = ["numpy"] + [name for names in MODULES.values() for name in names]
    environment = dict(os.environ)
    if folder is not None:
        environment["PYTHONPATH"] = os.path.join(root, folder)
    try:
        done = subprocess.run(
            [sys.executable, "-c", LOOK, json.dumps(wanted)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=LOOK_S,
        )
        return json.loads(done.stdout.decode())
    except (OSError, ValueError, subprocess.SubprocessError):
        return []
