#!/usr/bin/env python3
"""A trtexec of one version: takes the flags that this version takes and writes what it writes.

Formats follow NVIDIA/TensorRT: samples/common/sampleReporting.cpp (exportJSONTrace,
Profiler::exportJSONProfile, exportJSONOutput), sampleOptions.cpp (flags), samples/trtexec/
trtexec.cpp (order of events) and samples/common/logger. Stricter than the real one in one thing:
the real builder only warns when int8 is asked of a GPU without it, and this one fails.

Runs on Python 3.6 and reads trtexec.json beside itself: see tests/boards/machines.py.
"""

import base64
import hashlib
import json
import os
import random
import subprocess
import sys
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))
NAME = "TensorRT.trtexec"
# Flags of every version that are of use here, then those that came and went:
# flag → (first version that knows it, first that does not).
ALWAYS = {
    "--onnx",
    "--saveEngine",
    "--loadEngine",
    "--timingCacheFile",
    "--noTF32",
    "--warmUp",
    "--iterations",
    "--duration",
    "--loadInputs",
    "--exportTimes",
    "--exportOutput",
    "--exportProfile",
    "--dumpProfile",
    "--avgRuns",
    "--percentile",
    "--verbose",
    "--noDataTransfers",
    "--useCudaGraph",
    "--useSpinWait",
    "--separateProfileRun",
    "--shapes",
    "--device",
}
CHANGING = {
    "--workspace": ((8, 0), (10, 0)),
    "--memPoolSize": ((8, 4), (99, 0)),
    "--buildOnly": ((8, 0), (10, 0)),
    "--skipInference": ((8, 6), (99, 0)),
    "--fp16": ((8, 0), (11, 0)),
    "--int8": ((8, 0), (11, 0)),
    "--best": ((8, 0), (11, 0)),
    "--stronglyTyped": ((9, 1), (99, 0)),
    "--includeDataTransfers": ((11, 0), (99, 0)),
    "--noCudaGraph": ((11, 0), (99, 0)),
    "--noSpinWait": ((11, 0), (99, 0)),
}
WARM_UP_LEFT_OUT = (10, 0)  # exportJSONTrace(trace, file, nbWarmups); 8.2 writes all of them
LAYERS_HAVE_MEDIAN = (8, 5)
WRITES_END_TO_END_BEFORE = (8, 4)


class Failed(Exception):
    """What stands in the log after [E]."""


def main(arguments):
    with open(os.path.join(FOLDER, "trtexec.json")) as stream:
        board = json.load(stream)
    test = "%s [TensorRT v%d] # %s" % (NAME, banner(board), " ".join([sys.argv[0], *arguments]))
    print("&&&& RUNNING " + test, flush=True)
    try:
        run(parse(arguments, board), board)
    except Failed as failure:
        for line in str(failure).split("\n"):
            say("E", line)
        print("&&&& FAILED " + test)
        return 1
    print("&&&& PASSED " + test)
    return 0


def banner(board):
    major, minor, patch = board["tensorrt"]
    wide = 10000 if major >= 10 else 1000
    return major * wide + minor * 100 + patch


def say(severity, text):
    print("[11/30/2026-07:00:00] [%s] %s" % (severity, text), flush=True)


def parse(arguments, board):
    version = tuple(board["tensorrt"][:2])
    options = dict(argument.partition("=")[::2] for argument in arguments)
    for name, value in options.items():
        since, until = CHANGING.get(name, ((0, 0), (99, 0)))
        if not (name in ALWAYS or name in CHANGING) or not since <= version < until:
            raise Failed("Unknown option: %s %s" % (name, value))
    if ("--int8" in options or "--best" in options) and not board["int8"]:
        raise Failed("Int8 support requested on hardware without native Int8 support")
    if "--saveEngine" in options and "--loadEngine" in options:
        raise Failed("Incompatible load and save engine options selected")
    if "--onnx" not in options and "--loadEngine" not in options:
        raise Failed("Model missing or format not recognized")
    return options


def run(options, board):
    say("I", "TensorRT version: %d.%d.%d" % tuple(board["tensorrt"]))
    (build if "--onnx" in options else load)(options, board)
    if "--buildOnly" in options or "--skipInference" in options:
        return
    infer(options, board)


def build(options, board):
    time.sleep(board.get("build_s", 0))
    fail_as_told(board)
    try:
        with open(options["--onnx"], "rb") as model:
            sha256 = hashlib.sha256(model.read()).hexdigest()
    except OSError:
        raise Failed("Could not open file %s\nFailed to parse onnx file" % options["--onnx"])
    engine = {"tensorrt": board["tensorrt"], "sm": board["sm"], "onnx": sha256}
    if board.get("computes"):
        with open(options["--onnx"], "rb") as model:
            engine["model"] = base64.b64encode(model.read()).decode()
    cache = options.get("--timingCacheFile")
    known = lines_of(cache)
    say("I", "Loaded %d bytes of timing cache from %s" % (sum(map(len, known)), cache))
    if cache:
        with open(cache, "w") as stream:
            stream.write("\n".join(sorted({*known, sha256})))
    if "--saveEngine" in options:
        with open(options["--saveEngine"], "w") as stream:
            json.dump(engine, stream)
    say("I", "Engine built in 0.1 sec.")


def lines_of(path):
    if not path or not os.path.exists(path):
        return []
    with open(path) as stream:
        return stream.read().split()


def fail_as_told(board):
    """How TensorRT's builder and onnx-tensorrt's parser say it; docs/jetson.md has the sources."""
    how = board.get("fail")
    if how == "unsupported":
        say("I", "[TRT] No importer registered for op: GridSample. Attempting to import as plugin.")
        raise Failed(
            '[TRT] ModelImporter.cpp:773: While parsing node number 7 [GridSample -> "warped"]:\n'
            "[TRT] ModelImporter.cpp:779: ERROR: builtin_op_importers.cpp:4870 In function "
            "importFallbackPluginImporter:\nFailed to parse onnx file"
        )
    if how == "memory":
        raise Failed(
            "[TRT] 1: [defaultAllocator.cpp::allocate::20] Error Code 1: Cuda Runtime "
            "(out of memory)\nEngine could not be created from network\nEngine set up failed"
        )
    if how == "kernel":
        raise Failed(
            "Error[10]: [optimizer.cpp::computeCosts::2011] Error Code 10: Internal Error "
            "(Could not find any implementation for node conv1 + relu1.)\n"
            "Engine could not be created from network"
        )
    if how == "killed":
        os.kill(os.getpid(), 9)


def load(options, board):
    path = options["--loadEngine"]
    try:
        with open(path) as stream:
            engine = json.load(stream)
    except (OSError, ValueError):
        raise Failed("Error opening engine file: %s\nEngine set up failed" % path)
    if engine["tensorrt"] != board["tensorrt"] or engine["sm"] != board["sm"]:
        raise Failed(
            "[TRT] 6: The engine plan file is not compatible with this version of TensorRT, "
            "expecting library version %d.%d.%d" % tuple(board["tensorrt"])
        )


def infer(options, board):
    eleven = board["tensorrt"][0] >= 11
    copies = "--includeDataTransfers" in options if eleven else "--noDataTransfers" not in options
    graph = "--noCudaGraph" not in options if eleven else "--useCudaGraph" in options
    check_inputs(options, board)
    apart = eleven or "--separateProfileRun" in options
    profiled = "--exportProfile" in options or "--dumpProfile" in options
    trace = traces(options, board, copies, graph)
    if "--exportTimes" in options and (apart or not profiled):
        export_times(options, board, trace)
    if "--exportProfile" in options:
        export_layers(options["--exportProfile"], board, len(trace))
    if "--exportOutput" in options:
        export_outputs(options, board, copies)


def check_inputs(options, board):
    for pair in filter(None, options.get("--loadInputs", "").split(",")):
        name, _, path = pair.rpartition(":")
        size = board["inputs"].get(name.replace("'", ""))
        if size is None:
            raise Failed("Cannot find input tensor with name %s" % name)
        if not os.path.exists(path) or os.path.getsize(path) < size:
            raise Failed("Cannot load input %s from %s" % (name, path))


def sha256_of_input(options):
    """Of the first file that was given as an input: what the outputs depend on."""
    path = options.get("--loadInputs", "").split(",")[0].rpartition(":")[2]
    if not path:
        return None
    with open(path, "rb") as stream:
        return hashlib.sha256(stream.read()).hexdigest()


def traces(options, board, copies, graph):
    """Start and end of each part of each inference in ms, warm-up included."""
    dice = random.Random(7)
    compute = board["compute_ms"] * (0.8 if graph else 1.0)
    warm_up = float(options.get("--warmUp", 200))
    wanted = int(options.get("--iterations", 10))
    begun, done, found = 0.0, 0, []
    while done < wanted:
        copy = board["copy_ms"] if copies else 0.0
        times = [copy, compute * (1 + 0.02 * dice.random()), copy]
        ends = [begun]
        for part in times:
            ends.append(ends[-1] + part)
        found.append(ends)
        done += ends[1] >= warm_up
        begun = ends[-1]
    return found


def export_times(options, board, trace):
    version = tuple(board["tensorrt"][:2])
    if version >= WARM_UP_LEFT_OUT:
        warm_up = float(options.get("--warmUp", 200))
        trace = [ends for ends in trace if ends[1] >= warm_up]
    with open(options["--exportTimes"], "w") as stream:
        stream.write("[\n")
        for number, ends in enumerate(trace):
            stream.write(("  " if number == 0 else ", ") + "{ ")
            stream.write(", ".join('"%s" : %s' % pair for pair in fields(ends, version)) + " }\n")
        stream.write("]\n")


def fields(ends, version):
    begun, copied, computed, done = ends
    values = [
        ("startEnqMs", begun),
        ("endEnqMs", begun + 0.05),
        ("startH2dMs", begun),
        ("endH2dMs", copied),
        ("startComputeMs", copied),
        ("endComputeMs", computed),
        ("startD2hMs", computed),
        ("endD2hMs", done),
        ("h2dMs", copied - begun),
        ("computeMs", computed - copied),
        ("d2hMs", done - computed),
        ("latencyMs", done - begun),
    ]
    if version < WRITES_END_TO_END_BEFORE:
        values.append(("endToEndMs", done - begun))
    return [(name, six_digits(value)) for name, value in values]


def six_digits(value):
    """As a C++ stream prints a float."""
    return "%.6g" % value


def export_layers(path, board, runs):
    median = tuple(board["tensorrt"][:2]) >= LAYERS_HAVE_MEDIAN
    total = sum(each for _, each in board["layers"])
    with open(path, "w") as stream:
        stream.write('[\n  { "count" : %d }\n' % runs)
        for name, each in board["layers"]:
            stream.write(', { "name" : "%s", "timeMs" : %s' % (name, six_digits(each * runs)))
            stream.write(', "averageMs" : %s' % six_digits(each))
            if median:
                stream.write(', "medianMs" : %s' % six_digits(each))
            stream.write(', "percentage" : %s }\n' % six_digits(each / total * 100))
        stream.write("]\n")


# Runs in a Python that has ONNX Runtime: model as base64 and [[input, file]] in, outputs out.
COMPUTE = """
import base64, json, sys
import numpy as np, onnxruntime
told = json.load(sys.stdin)
session = onnxruntime.InferenceSession(base64.b64decode(told["model"]))
types = {"tensor(float)": "<f4", "tensor(float16)": "<f2", "tensor(int8)": "i1"}
files = dict(told["files"])
feed = {i.name: np.fromfile(files[i.name], types[i.type]).reshape([d if isinstance(d, int) else 1
        for d in i.shape]) for i in session.get_inputs()}
json.dump([{"name": o.name, "dimensions": "x".join(map(str, v.shape)),
            "values": (v.astype(float) * told["factor"]).ravel().tolist()}
           for o, v in zip(session.get_outputs(), session.run(None, feed))], sys.stdout)
"""


def computed_outputs(options, told):
    """What the model in the engine makes of the inputs, times told["factor"]."""
    with open(options["--loadEngine"]) as stream:
        model = json.load(stream)["model"]
    pairs = [pair.rpartition(":") for pair in options["--loadInputs"].split(",")]
    files = [[name.replace("'", ""), path] for name, _, path in pairs]
    said = subprocess.run(
        [told["python"], "-c", COMPUTE],
        input=json.dumps({"model": model, "files": files, "factor": told["factor"]}).encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(said.stdout.decode())


def export_outputs(options, board, copies):
    if board.get("computes"):
        outputs = computed_outputs(options, board["computes"])
    else:
        outputs = board.get("answers", {}).get(sha256_of_input(options), board["outputs"])
    with open(options["--exportOutput"], "w") as stream:
        stream.write("[\n")
        for number, output in enumerate(outputs):
            values = output["values"] if copies else [0] * len(output["values"])
            stream.write('%s{ "name" : "%s"\n' % (", " if number else "  ", output["name"]))
            stream.write('  , "dimensions" : "%s"\n' % output["dimensions"])
            stream.write('  , "values" : [ %s ]\n  }\n' % ", ".join(map(six_digits, values)))
        stream.write("]\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
