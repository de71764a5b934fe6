"""Jobs of kind "infer": samples through a runtime, raw outputs into the run's folder.

job: {"kind": "infer", "model": {"runtime", "python", "model", "inputs", "threads", "exact"},
      "samples": N}
result: {"file": "outputs.bin", "outputs": [{"name", "dtype", "shape", "offset"}, …], "package",
"version"}; shape begins with N, values are little-endian.
"""

import os

from runtime_child import OUTPUTS, Child


def run(job, run_folder, root, journal):
    """Do the job; what came of it."""
    child = Child(job["model"], root, run_folder)
    try:
        child.ask("outputs", int(job["samples"]), os.path.join(run_folder, OUTPUTS))
        answer = child.read()
        while "outputs" not in answer:
            journal("state", state="infer", done=answer["done"], total=int(job["samples"]))
            answer = child.read()
    finally:
        child.close()
    about = {name: child.loaded[name] for name in ("package", "version")}
    return dict(about, file=OUTPUTS, outputs=answer["outputs"])
