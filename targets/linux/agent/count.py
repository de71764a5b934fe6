"""Jobs of kind "count": numbers in order, to test a link, a journal and what becomes of a run.

job: {"kind": "count", "samples": 100, "every_s": 0.01, "batch_s": 0.2}; "fail" makes it fail after
the last one, "exit" ends its process like a crash.
"""

import os
import time

from journal import Samples
from refusal import Refused


def run(job, run_folder, root, journal):
    """Journal 0, 1, 2 … and say how many they were."""
    samples = Samples(journal, float(job.get("batch_s", 0.2)))
    for number in range(int(job["samples"])):
        samples.add(number)
        time.sleep(float(job.get("every_s", 0)))
    samples.flush()
    if "exit" in job:
        os._exit(int(job["exit"]))
    if "fail" in job:
        raise Refused("count", str(job["fail"]))
    return {"samples": int(job["samples"])}
