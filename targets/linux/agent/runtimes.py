"""Inference runtimes that live in Python packages, each behind the same few calls.

A runtime is loaded in a process of its own, whose PYTHONPATH says where the packages are: the
agent itself needs nothing but the standard library.
"""

import importlib
import os

LITERT_PACKAGES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")


class OnnxRuntime:
    """A model in ONNX Runtime on the CPU.   version: of the runtime.

    exact: the graph as it is, whose int8 arithmetic is right on every CPU; else optimised, as
    users run it.   profile: prefix of a file of what each node takes, or None.
    """

    def __init__(self, model, threads, exact, profile=None):
        import onnxruntime

        self.package = "onnxruntime"
        self.version = onnxruntime.__version__
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        level = onnxruntime.GraphOptimizationLevel
        options.graph_optimization_level = level.ORT_DISABLE_ALL if exact else level.ORT_ENABLE_ALL
        if profile is not None:
            options.enable_profiling = True
            options.profile_file_prefix = profile
        self.session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )
        self.shapes = {
            port.name: [dim if isinstance(dim, int) else 1 for dim in port.shape]
            for port in self.session.get_inputs()
        }
        self.outputs = [port.name for port in self.session.get_outputs()]
        self.feed = {}

    def load(self, arrays):
        """Take a sample of each input, by name."""
        self.feed = {name: arrays[name].reshape(shape) for name, shape in self.shapes.items()}

    def inference(self):
        """A callable without arguments: one inference of the sample that was loaded."""
        run, outputs, feed = self.session.run, self.outputs, self.feed
        return lambda: run(outputs, feed)

    def results(self):
        """Run once: outputs by name."""
        found = self.session.run(self.outputs, self.feed)
        return {name: found[index] for index, name in enumerate(self.outputs)}


class LiteRt:
    """A model in LiteRT, or tflite-runtime before it; exact: its reference kernels."""

    def __init__(self, model, threads, exact, profile=None):
        module = litert_module()
        self.package = module.__name__.split(".")[0].replace("_", "-")
        self.version = package_version(module)
        resolver = module.OpResolverType
        kind = resolver.BUILTIN_REF if exact else resolver.AUTO
        self.interpreter = module.Interpreter(
            model_path=model, num_threads=threads, experimental_op_resolver_type=kind
        )
        self.interpreter.allocate_tensors()

    def load(self, arrays):
        """See OnnxRuntime.load."""
        for port in self.interpreter.get_input_details():
            sample = arrays[port["name"]].reshape(port["shape"])
            self.interpreter.set_tensor(port["index"], sample)

    def inference(self):
        """See OnnxRuntime.inference; inputs stay where they were put, outputs where they are."""
        return self.interpreter.invoke

    def results(self):
        """See OnnxRuntime.results."""
        self.interpreter.invoke()
        return {
            port["name"]: self.interpreter.get_tensor(port["index"])
            for port in self.interpreter.get_output_details()
        }


RUNTIMES = {"onnxruntime": OnnxRuntime, "litert": LiteRt}


def litert_module():
    """The interpreter of whichever package is there. Raises: ImportError of the first."""
    failure = None
    for name in LITERT_PACKAGES:
        try:
            return importlib.import_module(name)
        except ImportError as error:
            failure = failure or error
    raise failure


def package_version(module):
    """Of a package, as its metadata has it; "" where that is not known."""
    package = module.__name__.split(".")[0]
    try:
        metadata = importlib.import_module("importlib.metadata")  # from Python 3.8 on
        return metadata.version(package.replace("_", "-"))
    except Exception:
        found = importlib.import_module(package)
        return getattr(found, "__version__", "")


def read_arrays(inputs, root, sample):
    """One sample of each input by name.

    inputs: {name, dtype, shape, path, offset}: samples one after the other, little-endian, of
    this shape, in a file below root.
    """
    import numpy

    arrays = {}
    for port in inputs:
        dtype = numpy.dtype(port["dtype"]).newbyteorder("<")
        count = 1
        for dim in port["shape"]:
            count *= dim
        with open(os.path.join(root, port["path"]), "rb") as stream:
            stream.seek(port.get("offset", 0) + sample * count * dtype.itemsize)
            array = numpy.frombuffer(stream.read(count * dtype.itemsize), dtype)
        arrays[port["name"]] = array.astype(port["dtype"]).reshape(port["shape"])
    return arrays
