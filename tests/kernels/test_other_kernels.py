"""The portable C kernels of all but the multiply-accumulate operators against execute()."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiled_kernels import BAD_ARG, KERNELS, CompiledKernels, Guarded
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgetool.exporters.tflite.operators import FORMS
from edgetool.program.operator import Argument, KernelCall
from edgetool.program.ops import operators
from edgetool.program.tensor import Tensor
from one_operation import OneOperation, activation, constant
from operator_cases import CASES, KIND_AND_TYPE, make

EXAMPLES = int(os.environ.get("EDGETOOL_KERNEL_EXAMPLES", "60"))
FLOAT_TOLERANCE = 1e-6  # relative: edge_math.h's errors and other orders of summation
IN_PLACE = [
    *("add", "sub", "mul", "clip", "leaky_relu", "hard_swish", "sigmoid", "tanh", "softmax"),
    "requantize",
]


def kernel_of(case: OneOperation) -> KernelCall | None:
    """The case's kernel call."""
    return case.operator.kernel(case.inputs, case.outputs)


def arguments_of(case: OneOperation, samples: list[Any], index: int) -> list[Any]:
    """Contents of every input for one sample."""
    fed = iter(samples)
    return [t.data if t.is_constant else next(fed)[index] for t in case.inputs]


def require_equal(found: Any, expected: Any) -> None:
    """Integers to the bit, floats within the tolerance."""
    if expected.dtype != np.float32:
        np.testing.assert_array_equal(found, expected)
        return
    limit = FLOAT_TOLERANCE * max(1e-3, float(np.abs(expected).max(initial=0.0)))
    np.testing.assert_allclose(found, expected, rtol=FLOAT_TOLERANCE, atol=limit)


@pytest.mark.parametrize(("kind", "dtype"), KIND_AND_TYPE)
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_kernel_computes_what_execute_computes(
    kernels: CompiledKernels, kind: str, dtype: str, data: st.DataObject
) -> None:
    case = data.draw(CASES[kind](dtype))
    call = kernel_of(case)
    if call is None:
        assert case.operator.is_view
        return
    samples = case.samples(2)
    expected = case.execute(samples)
    for index in range(2):
        found = kernels.run(call, arguments_of(case, samples, index), case.outputs)
        for array, right in zip(found, expected, strict=True):
            require_equal(array, right[index])


@pytest.mark.parametrize("kind", IN_PLACE)
@pytest.mark.parametrize("dtype", ["int8", "int16", "float32"])
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_kernel_may_write_its_output_over_its_input(
    kernels: CompiledKernels, kind: str, dtype: str, data: st.DataObject
) -> None:
    if (kind, dtype) not in KIND_AND_TYPE:
        return
    case = data.draw(CASES[kind](dtype))
    call = kernel_of(case)
    assert call is not None
    samples = case.samples(1)
    contents = arguments_of(case, samples, 0)
    for index, x in enumerate(case.inputs):
        if x.shape != case.outputs[0].shape:
            continue
        memory = np.array(contents[index], order="C")
        code = kernels.call(_with_input_as_output(call, index), contents, [int(memory.ctypes.data)])
        assert code == 0
        require_equal(memory, case.execute(samples)[0][0])


def _with_input_as_output(call: KernelCall, index: int) -> KernelCall:
    """The call with input `index` read from the output's memory."""
    same = Argument("output", 0)
    arguments = tuple(same if (a.role, a.index) == ("input", index) else a for a in call.arguments)
    return KernelCall(call.function, arguments, call.parameters, call.constants)


X8 = activation("x", (1, 4, 5, 3), 0.1, 3)
XF = activation("x", (1, 4, 5, 3))


def one(kind: str, *arguments: object, x: Any = X8, out: Any = None) -> OneOperation:
    """An operation on a (1, 4, 5, 3) tensor."""
    return OneOperation(make(kind, *arguments), (x,), (out or x,))


def wide(name: str, shape: tuple[int, ...]) -> Tensor:
    """An int16 activation."""
    return activation(name, shape, 0.1, 0, "int16")


X16, P16 = wide("x", (1, 4, 5, 3)), wide("y", (1, 3, 4, 3))
PAIR16 = (X16, constant(X16, 1))
POOL = ((2, 2), (1, 1), (0, 0, 0, 0))
P8, PF = activation("y", (1, 3, 4, 3), 0.1, 3), activation("y", (1, 3, 4, 3))
PAIR8, PAIRF = (X8, constant(X8, 1)), (XF, constant(XF, 1))
BAD = [
    (OneOperation(make("add"), PAIR8, (X8,)), {"low": 1, "high": 0}),
    (OneOperation(make("add"), PAIR8, (X8,)), {"a_shift": 1}),
    (OneOperation(make("add"), PAIR8, (X8,)), {"b_sign": 0}),
    (OneOperation(make("add"), PAIRF, (XF,)), {"low": 1.0, "high": 0.0}),
    (OneOperation(make("mul"), PAIR8, (X8,)), {"high": 128}),
    (OneOperation(make("mul"), PAIRF, (XF,)), {"low": float("nan")}),
    (one("requantize"), {"shift": 32}),
    (one("clip", x=XF), {"elements": -1}),
    (one("sigmoid"), {"elements": -1}),
    (one("sigmoid", x=XF), {"elements": -1}),
    (one("tanh", x=XF), {"elements": -1}),
    (one("leaky_relu", x=XF), {"elements": -1}),
    (one("hard_swish", x=XF), {"elements": -1}),
    (one("quantize", x=XF, out=X8), {"scale": 0.0}),
    (one("dequantize", out=XF), {"elements": -1}),
    (one("softmax"), {"depth": 4096}),
    (one("softmax", x=XF), {"depth": 0}),
    (one("max_pool2d", *POOL, out=P8), {"stride_width": 0}),
    (one("max_pool2d", *POOL, x=XF, out=PF), {"pad_top": 2}),
    (one("average_pool2d", *POOL, out=P8), {"out_height": 9}),
    (one("average_pool2d", *POOL, x=XF, out=PF), {"in_width": 0}),
    (one("mean", (3,), True, out=activation("y", (1, 4, 5, 1), 0.1, 3)), {"count": 0}),
    (one("mean", (3,), True, x=XF, out=activation("y", (1, 4, 5, 1))), {"count": 0}),
    (OneOperation(make("add"), PAIR16, (X16,)), {"low": -32769}),
    (OneOperation(make("mul"), PAIR16, (X16,)), {"out_shift": 32}),
    (one("requantize", x=X16), {"high": 32768}),
    (one("quantize", x=XF, out=X16), {"scale": float("nan")}),
    (one("dequantize", x=X16, out=XF), {"elements": -1}),
    (one("softmax", x=X16), {"depth": 0}),
    (one("max_pool2d", *POOL, x=X16, out=P16), {"channels": 0}),
    (one("average_pool2d", *POOL, x=X16, out=P16), {"low": 2, "high": 1}),
    (one("mean", (3,), True, x=X16, out=wide("y", (1, 4, 5, 1))), {"shift": 32}),
    (one("transpose", (0, 1, 2, 3)), {"run_bytes": 0}),
    (one("pad", (0, 0, 0, 0), (0, 0, 0, 0)), {"element_bytes": 3}),
    (one("resize_nearest"), {"pixel_bytes": 0}),
    (one("split", 3, (3,)), {"outer": -1}),
    (one("concat", 3), {"inputs": 0}),
]


@pytest.mark.parametrize(("case", "changes"), BAD)
def test_kernel_refuses_bad_parameters_and_writes_nothing(
    kernels: CompiledKernels, case: OneOperation, changes: dict[str, Any]
) -> None:
    call = kernel_of(case)
    assert call is not None
    assert set(changes) <= set(call.parameters)
    contents = arguments_of(case, case.samples(1), 0)
    output = Guarded(case.outputs[0])
    code = kernels.call(call, contents, [output.address], {**call.parameters, **changes})
    assert (code, output.is_untouched()) == (BAD_ARG, True)


@pytest.mark.parametrize("case", [case for case, _ in BAD if case.operator.kind != "split"])
def test_kernel_refuses_a_missing_output(kernels: CompiledKernels, case: OneOperation) -> None:
    call = kernel_of(case)
    assert call is not None
    assert kernels.call(call, arguments_of(case, case.samples(1), 0), [0]) == BAD_ARG


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, -1e30, 0.05, -0.05, 0.15])
def test_quantize_saturates_and_rounds_halves_away_from_zero(
    kernels: CompiledKernels, value: float
) -> None:
    case = OneOperation(
        make("quantize"), (activation("x", (1,)),), (activation("y", (1,), 0.1, 3),)
    )
    sample = np.array([[value]], np.float32)
    call = kernel_of(case)
    assert call is not None
    [found] = kernels.run(call, [sample[0]], case.outputs)
    require_equal(found, case.execute([sample])[0][0])


def test_exp_and_tanh_are_within_2e_7_of_the_true_values(kernels: CompiledKernels) -> None:
    bits = np.arange(0, 2**32, 40_009, dtype=np.uint64).astype(np.uint32)
    x = bits.view(np.float32)
    x = x[np.isfinite(x)]
    for kind, function in (("tanh", np.tanh), ("sigmoid", _true_sigmoid)):
        tensor = activation("x", x.shape)
        call = make(kind).kernel([tensor], [tensor])
        assert call is not None
        [found] = kernels.run(call, [x], [tensor])
        with np.errstate(over="ignore"):
            right = function(x.astype(np.float64))
        normal = np.abs(right) >= np.finfo(np.float32).tiny
        np.testing.assert_allclose(found[normal], right[normal], rtol=2e-7, atol=0)
        assert np.abs(found[~normal]).max() < 2e-38


def _true_sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def test_no_kernel_reads_or_writes_beside_its_buffers() -> None:
    """The comparison above once more, in a Python under gcc's AddressSanitizer."""
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("no gcc: install it to run the kernels under AddressSanitizer")
    command = [gcc, "-print-file-name=libasan.so"]
    runtime = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    if not Path(runtime).is_absolute():
        pytest.skip("gcc has no AddressSanitizer: install libasan")
    variables = {
        "LD_PRELOAD": runtime,
        "ASAN_OPTIONS": "detect_leaks=0",
        "PYTHONMALLOC": "malloc",
        "EDGETOOL_KERNEL_EXAMPLES": "8",
        "EDGETOOL_KERNEL_SANITIZER": "address",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    chosen = f"{__file__}::test_kernel_computes_what_execute_computes"
    child = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", chosen],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )
    assert child.returncode == 0, child.stdout[-3000:] + child.stderr[-3000:]


def test_every_operator_has_a_kernel_a_litert_test_and_a_tflite_form() -> None:
    folder = Path(__file__).parent
    tested = set(CASES) | _tested_by_others(folder)
    assert sorted(set(operators()) - tested) == []
    assert sorted(set(operators()) - set(FORMS)) == []
    sources = {path.stem for path in KERNELS.glob("*.c")}
    headers = {path.stem for path in KERNELS.glob("*.h")}
    assert headers - sources == {
        "edgetool_kernels",
        *(
            "edge_block",
            "edge_columns",
            "edge_high",
            "edge_product",
            "edge_saturate",
            "edge_scale",
            "edge_triple",
            "edge_wide",
            "edge_window",
        ),
    }
    assert sources <= headers
    used = {call.function for case, _ in BAD if (call := kernel_of(case)) is not None}
    macs = {source for source in sources if source.startswith(("conv", "depth", "fully", "trans"))}
    variants = {"add_line_s8", "mul_short_s8"}  # in test_kernel_variants.py
    shared = {source for source in sources if source.startswith("edge_")}
    assert sorted(sources - used - macs - variants - shared) == []


def _tested_by_others(folder: Path) -> set[str]:
    """Kinds whose class the multiply-accumulate tests import."""
    text = (folder / "mac_cases.py").read_text()
    return {kind for kind, operator in operators().items() if operator.__name__ in text}
