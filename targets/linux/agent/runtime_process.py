"""The process that holds one model in one runtime: it infers and times when it is told to.

Lines of JSON in, lines of JSON out. argv[1] is what to load:
  {"runtime", "model", "inputs", "threads", "affinity", "exact", "root", "folder"}
and then on standard input, one line each:
  ["block", count, duration_ns, per_sample]  infer until both are reached
      → {"samples": [ns, …]} at least every 0.2 s, then {"end": number of samples}
  ["overhead", count, per_sample]   the same around nothing → {"samples": …}, {"end": …}
  ["memory"]                        → {"rss_bytes", "peak_rss_bytes"}
  ["layers", count]                 → {"layers": [{"name", "operator", "ns": [ns, …]}, …]}
  ["outputs", samples, path]        → {"outputs": [{"name", "dtype", "shape", "offset"}, …]}
The end of standard input ends it.
"""

import gc
import json
import os
import sys
import time

import runtimes

FLUSH_NS = 200 * 1000 * 1000


def main():
    """Load, say so, obey. What goes wrong is a line {"error": kind, "message": …}."""
    job = json.loads(sys.argv[1])
    speak = Speaker(os.dup(1))
    os.dup2(2, 1)  # what a runtime prints is no line of ours
    try:
        if job.get("affinity"):
            os.sched_setaffinity(0, job["affinity"])
        model = Model(job, speak)
        gc.disable()  # a collection in the middle of an inference is nobody's latency
        for line in sys.stdin:
            request = json.loads(line)
            getattr(model, request[0])(*request[1:])
    except ImportError as error:
        speak({"error": "no-runtime", "message": str(error)})
    except BrokenPipeError:
        pass  # whoever asked is gone
    except Exception as error:
        speak({"error": "runtime", "message": "%s: %s" % (type(error).__name__, error)})


class Speaker:
    """A line of JSON for each call, whole."""

    def __init__(self, descriptor):
        self.stream = os.fdopen(descriptor, "wb", 0)

    def __call__(self, content):
        """Write it."""
        data = json.dumps(content, separators=(",", ":")).encode() + b"\n"
        while data:
            data = data[self.stream.write(data) :]


class Model:
    """The loaded model."""

    def __init__(self, job, speak):
        self.job = job
        self.speak = speak
        self.clock = clock()
        begun = self.clock()
        __import__("numpy")
        kind = runtimes.RUNTIMES[job["runtime"]]
        if job["runtime"] == "litert":
            runtimes.litert_module()
        else:
            __import__(job["runtime"])
        imported = self.clock()
        before = memory()
        self.runtime = kind(job["model"], job["threads"], job.get("exact", False))
        loaded = self.clock()
        self.runtime.load(self.arrays(0))
        self.run = self.runtime.inference()
        started = self.clock()
        self.run()
        first = self.clock() - started
        self.speak(
            {
                "package": self.runtime.package,
                "version": self.runtime.version,
                "import_s": (imported - begun) * 1e-9,
                "load_s": (loaded - imported) * 1e-9,
                "first_inference_s": first * 1e-9,
                "imported_rss_bytes": before.get("rss_bytes"),
                "threads": self.job["threads"],
                "affinity": sorted(os.sched_getaffinity(0)),
            }
        )

    def arrays(self, sample):
        """The inputs of a sample."""
        return runtimes.read_arrays(self.job["inputs"], self.job["root"], sample)

    def block(self, count, duration_ns, per_sample):
        """Time inferences."""
        timed(self.run, self.clock, (count, duration_ns, per_sample), self.speak)

    def overhead(self, count, per_sample):
        """Time nothing in the same way."""
        timed(lambda: None, self.clock, (count, 0, per_sample), self.speak)

    def memory(self):
        """Say what the process takes."""
        self.speak(memory())

    def layers(self, count):
        """Say what each node takes, in a session that watches itself; [] where it cannot."""
        layers = []
        if self.job["runtime"] == "onnxruntime":
            layers = node_times(self.job, self.arrays(0), count)
        self.speak({"layers": layers})

    def outputs(self, samples, path):
        """Infer every sample; write raw outputs to a new file, one output after the other."""
        rows = []
        for sample in range(samples):
            self.runtime.load(self.arrays(sample))
            rows.append({name: array.copy() for name, array in self.runtime.results().items()})
            if sample % 8 == 7:
                self.speak({"done": sample + 1})
        self.speak({"outputs": write_arrays(rows, path)})


def write_arrays(rows, path):
    """All samples of each output, little-endian: where each lies."""
    described = []
    with open(path, "xb") as stream:
        for name in rows[0]:
            array = rows[0][name]
            described.append(
                {
                    "name": name,
                    "dtype": str(array.dtype),
                    "shape": [len(rows), *array.shape],
                    "offset": stream.tell(),
                }
            )
            for row in rows:
                stream.write(row[name].astype(array.dtype.newbyteorder("<")).tobytes())
    return described


def clock():
    """The monotonic clock in whole nanoseconds; Python 3.6 only has it in seconds."""
    exact = getattr(time, "perf_counter_ns", None)
    return exact or (lambda: int(time.perf_counter() * 1e9))


def timed(run, clock, wanted, speak):
    """Call run; a sample is the time of per_sample calls. wanted: (count, duration_ns, each)."""
    count, duration_ns, per_sample = wanted
    each = range(per_sample)
    single = per_sample == 1
    samples = []
    done = 0
    stop = clock()
    end, due = stop + duration_ns, stop + FLUSH_NS
    while done + len(samples) < count or stop < end:
        if single:
            start = clock()
            run()
            stop = clock()
        else:
            start = clock()
            for _ in each:
                run()
            stop = clock()
        samples.append(stop - start)
        if stop >= due:
            speak({"samples": samples})
            done += len(samples)
            samples = []
            due = clock() + FLUSH_NS
    if samples:
        speak({"samples": samples})
    speak({"end": done + len(samples)})


def memory():
    """Resident memory now and at its highest, as the kernel counts it."""
    found = {}
    names = {"VmRSS": "rss_bytes", "VmHWM": "peak_rss_bytes"}
    with open("/proc/self/status") as lines:
        for line in lines:
            name, _, value = line.partition(":")
            if name in names:
                found[names[name]] = int(value.split()[0]) * 1024
    return found


def node_times(job, arrays, count):
    """ONNX Runtime's own profile: nanoseconds of each node in each run, in their order."""
    prefix = os.path.join(job["folder"], "nodes-%d" % os.getpid())
    runtime = runtimes.OnnxRuntime(job["model"], job["threads"], False, prefix)
    runtime.load(arrays)
    for _ in range(count + 1):
        runtime.results()
    path = runtime.session.end_profiling()
    try:
        with open(path) as stream:
            events = json.load(stream)
    finally:
        os.remove(path)
    return nodes_in(events)


def nodes_in(events):
    """Of a profile's events: {"name", "operator", "ns"} by node; the first run left out.

    Source: ONNX Runtime documentation, Profiling tools: events of category Node whose names end
    in _kernel_time, dur in microseconds.
    """
    nodes = {}
    for event in events:
        name = event.get("name", "")
        if event.get("cat") != "Node" or not name.endswith("_kernel_time"):
            continue
        name = name[: -len("_kernel_time")]
        operator = event.get("args", {}).get("op_name", "")
        node = nodes.setdefault(name, {"name": name, "operator": operator, "ns": []})
        node["ns"].append(int(event["dur"]) * 1000)
    for node in nodes.values():
        del node["ns"][0]
    return list(nodes.values())


if __name__ == "__main__":
    main()
