"""Jobs of kind "time": how long inferences take, in windows, of several models in turn.

job: {"kind": "time", "models": [{"name", "runtime", "python", "model", "inputs", "threads",
      "affinity", "layers"}, …], "protocol": {…}}
protocol: what a profile's TOML says, as {"runs_min", "duration_min_s", "duration_max_s",
"latency_slope_max", "temperature_slope_max_k_per_s", "windows", "inferences_min", "window_s",
"order"}; a null is no limit. Clocks are locked by whoever starts the job, with the agent's verb.

Each model is in a process of its own, so that none shares memory or threads with another, and
waits there while others are timed. Journal:
  state    loaded: model, and what its process says · warm: model, settled, per_sample
  samples  model, phase (overhead, warm-up, lead-in, window), window, per_sample, samples in ns
  sensor   window: forensics, clocks, temperatures, CPU time;   when: before, after
  layers   model, layers
  memory   model, rss_bytes, peak_rss_bytes
"""

import statistics
import time

import settling
import under_load
from refusal import Refused
from runtime_child import Child

EXCLUSIVE = True  # two at a time would time each other
SAMPLE_NS_MIN = 50000  # shorter inferences are timed several to a sample
OVERHEAD_SAMPLES = 2000
WARM_UP_STEPS = 8  # the shortest warm-up's blocks: enough for a slope
LONGEST_STEP_S = 0.25
LEAD_IN_S = 0.05
LAYER_RUNS = 20
LAYER_RUNS_S = 5.0
SAMPLES_PER_LINE = 10000


def run(job, run_folder, root, journal):
    """Do the job; what is known at its end, the rest is in the journal."""
    children = []
    try:
        for model in job["models"]:
            children.append(load(model, root, run_folder, journal))
        journal("sensor", when="before", **under_load.forensics(root))
        warmed = [warm_up(timed, job["protocol"]) for timed in children if timed is not None]
        measure([timed for timed in children if timed is not None], job["protocol"], journal)
        journal("sensor", when="after", **under_load.forensics(root))
        for timed in children:
            if timed is not None:
                timed.finish()
    finally:
        for timed in children:
            if timed is not None:
                timed.child.close()
    return {"models": len(warmed), "failed": children.count(None)}


def load(model, root, run_folder, journal):
    """A loaded model; None where its runtime does not run it and others may."""
    try:
        child = Child(model, root, run_folder)
    except Refused as error:
        if not model.get("optional"):
            raise
        journal(
            "state", state="failed", model=model["name"], error=error.kind, message=error.message
        )
        return None
    journal("state", state="loaded", model=model["name"], **child.loaded)
    return Timed(model, child, journal)


class Timed:
    """A model that is timed.   per_sample: inferences to a sample."""

    def __init__(self, model, child, journal):
        self.model = model
        self.name = model["name"]
        self.child = child
        self.per_sample = 1
        self._journal = journal

    def block(self, phase, count, duration_s, **fields):
        """Time inferences until both are reached; their samples in ns, journaled too."""
        request = ("block", count, int(duration_s * 1e9), self.per_sample)
        return self._samples(phase, request, fields)

    def overhead(self):
        """Time nothing."""
        self._samples("overhead", ("overhead", OVERHEAD_SAMPLES, self.per_sample), {})

    def finish(self):
        """Memory, then layers: watching them takes memory of its own."""
        self.child.ask("memory")
        self._journal("memory", model=self.name, **self.child.read())
        if self.model.get("layers"):
            count = max(3, min(LAYER_RUNS, int(LAYER_RUNS_S / max(self.seconds, 1e-9))))
            self.child.ask("layers", count)
            self._journal("layers", model=self.name, **self.child.read())

    def _samples(self, phase, request, fields):
        found = []
        fields = dict(fields, model=self.name, phase=phase, per_sample=self.per_sample)
        for samples in self.child.samples(*request):
            for first in range(0, len(samples), SAMPLES_PER_LINE):
                part = samples[first : first + SAMPLES_PER_LINE]
                self._journal("samples", samples=part, **fields)
            found += samples
        return found


def warm_up(timed, protocol):
    """Run until nothing drifts any more; whether it settled."""
    begun = time.monotonic()
    first = timed.block("warm-up", protocol["runs_min"], 0)
    timed.seconds = statistics.median(first) * 1e-9
    timed.per_sample = max(1, -(-SAMPLE_NS_MIN // max(1, int(timed.seconds * 1e9))))
    step_s = min(LONGEST_STEP_S, protocol["duration_min_s"] / WARM_UP_STEPS)
    times, latencies, hottest = [], [], []
    settled = False
    while not settled:
        samples = timed.block("warm-up", 1, step_s)
        times.append(time.monotonic())
        latencies.append(statistics.median(samples))
        hottest.append(max(under_load.temperatures().values(), default=0.0))
        elapsed = times[-1] - begun
        if elapsed >= protocol["duration_min_s"]:
            settled = has_settled(times, latencies, hottest, protocol)
        if elapsed >= (protocol["duration_max_s"] or float("inf")):
            break
    timed.seconds = statistics.median(latencies) * 1e-9 / timed.per_sample
    timed._journal("state", state="warm", model=timed.name, settled=settled, seconds=elapsed)
    timed.overhead()
    return settled


def has_settled(times, latencies, hottest, protocol):
    """Whether neither latency nor temperature drifts beyond the protocol."""
    return settling.is_settled(
        times, latencies, protocol["latency_slope_max"], relative=True
    ) and settling.is_settled(times, hottest, protocol["temperature_slope_max_k_per_s"])


def measure(models, protocol, journal):
    """Every model's windows, in the protocol's order."""
    pids = [timed.child.pid for timed in models]
    last = None
    for window, timed in ordered(models, protocol):
        if last is not timed and len(models) > 1:
            timed.block("lead-in", 1, LEAD_IN_S)
        last = timed
        before = under_load.busy(pids)
        timed.block("window", protocol["inferences_min"], protocol["window_s"], window=window)
        journal(
            "sensor",
            window=window,
            model=timed.name,
            before=before,
            after=under_load.busy(pids),
            **under_load.sensors(),
        )


def ordered(models, protocol):
    """(window, model) in turn: "blocked" one model after the other, else there and back."""
    windows = range(protocol["windows"])
    if protocol["order"] == "blocked":
        return [(window, timed) for timed in models for window in windows]
    turns = []
    for window in windows:
        there = models if window % 2 == 0 else models[::-1]
        turns += [(window, timed) for timed in there]
    return turns
