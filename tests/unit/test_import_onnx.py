"""ONNX files become graphs; anything wrong with them is a ModelFormatError."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetool.errors import ModelFormatError, UsageError
from edgetool.graph import ModelSource
from edgetool.graph.execute import Executor
from edgetool.importers import importer_names, load_model
from edgetool.importers.onnx import read
from edgetool.passes import PassContext, fix_shapes
from networks import random_inputs, residual_network

SOURCE = ModelSource("net.onnx", "onnx", "0" * 64)


def model_of(body: str, opset: int = 13, **constants: np.ndarray) -> onnx.ModelProto:
    header = f'<ir_version: 7, opset_import: ["" : {opset}]> g '
    model = onnx.parser.parse_model(header + body)
    for name, array in constants.items():
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(array), name))
    return model


def small() -> onnx.ModelProto:
    weights = np.arange(8, dtype=np.float32).reshape(2, 4, 1, 1)
    return model_of(
        "(float[1,4,2,2] x) => (float[1,2,2,2] y) { c = Conv(x, w) y = Relu(c) }", w=weights
    )


def refusal(model: onnx.ModelProto | bytes, folder: Path | None = None) -> str:
    data = model if isinstance(model, bytes) else model.SerializeToString()
    with pytest.raises(ModelFormatError) as caught:
        read(data, SOURCE, folder)
    return str(caught.value)


def test_a_network_keeps_its_outputs(tmp_path: Path) -> None:
    model = residual_network(5)
    onnx.save(model, tmp_path / "net.onnx")
    graph = load_model(tmp_path / "net.onnx")
    feeds = random_inputs(model, 1)
    session = ort.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    found = list(Executor(graph).run(feeds).values())
    assert np.abs(found[0] - session.run(None, feeds)[0]).max() <= 1e-5
    assert graph.source.format == "onnx"
    assert len(graph.source.sha256) == 64


def test_formats_are_found_by_their_modules() -> None:
    assert {"onnx", "tflite"} <= set(importer_names())


def test_a_missing_file_is_the_users_mistake() -> None:
    with pytest.raises(UsageError, match="nowhere"):
        load_model("nowhere.onnx")


def test_an_unknown_format_says_what_is_known(tmp_path: Path) -> None:
    (tmp_path / "net.h5").write_bytes(b"something else")
    with pytest.raises(ModelFormatError, match="no known model format"):
        load_model(tmp_path / "net.h5")


def test_nodes_get_readable_unique_names() -> None:
    model = model_of(
        "(float[4] x) => (float[4] y) { a = Relu(x) b = Relu(a) c = Relu(b) y = Relu(c) }"
    )
    names = ["net/a/Relu;net/block/conv2d/Conv2D1", "", "twice", "twice"]
    for node, name in zip(model.graph.node, names, strict=True):
        node.name = name
    graph = read(model.SerializeToString(), SOURCE)
    assert [n.name for n in graph.graph] == ["conv2d/Conv2D1", "Relu_1", "twice", "twice_1"]


def test_nodes_out_of_order_are_sorted() -> None:
    model = small()
    nodes = [onnx.NodeProto.FromString(n.SerializeToString()) for n in reversed(model.graph.node)]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    assert [n.op_type for n in read(model.SerializeToString(), SOURCE).graph] == ["Conv", "Relu"]


def test_constants_listed_as_inputs_are_no_inputs() -> None:
    model = small()
    model.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [2, 4, 1, 1]))
    model.ir_version = 3
    assert [v.name for v in read(model.SerializeToString(), SOURCE).graph.inputs] == ["x"]


def test_local_functions_are_inlined() -> None:
    model = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 17, "local" : 1]>
        g (float[4] x) => (float[4] y) { y = local.twice(x) }
        <domain: "local", opset_import: ["" : 17]>
        twice (a) => (b) { c = Relu(a) b = Add(c, c) }""")
    graph = read(model.SerializeToString(), SOURCE)
    assert [n.op_type for n in graph.graph] == ["Relu", "Add"]


def test_functions_that_explode_are_refused() -> None:
    calls = "".join(
        f'<domain: "local", opset_import: ["" : 17, "local" : 1]> '
        f"f{i} (a) => (b) {{ c = local.f{i + 1}(a) b = local.f{i + 1}(c) }}\n"
        for i in range(40)
    )
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17, "local" : 1]> '
        f"g (float[4] x) => (float[4] y) {{ y = local.f0(x) }} {calls}"
        '<domain: "local", opset_import: ["" : 17]> f40 (a) => (b) { b = Relu(a) }'
    )
    assert "expands to" in refusal(model)


def test_functions_that_call_themselves_are_refused() -> None:
    model = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 17, "local" : 1]>
        g (float[4] x) => (float[4] y) { y = local.f(x) }
        <domain: "local", opset_import: ["" : 17, "local" : 1]> f (a) => (b) { b = local.f(a) }""")
    assert "calls itself" in refusal(model)


def _duplicate(model: onnx.ModelProto) -> None:
    model.graph.node[1].output[0] = "c"


def _undefined(model: onnx.ModelProto) -> None:
    model.graph.node[0].input[0] = "ghost"


def _cycle(model: onnx.ModelProto) -> None:
    model.graph.node[0].input[0] = "y"


def _short_data(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].raw_data = b"1234"


def _huge(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[0] = 1 << 60


def _negative(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[0] = -2


def _type(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].data_type = 99


def _sparse(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add().dims.append(1)


def _opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 99


def _attribute(model: onnx.ModelProto) -> None:
    model.graph.node[0].attribute.append(helper.make_attribute("stride", [1, 1]))


def _attribute_type(model: onnx.ModelProto) -> None:
    model.graph.node[0].attribute.append(helper.make_attribute("strides", 1))


def _empty_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 0


def _output(model: onnx.ModelProto) -> None:
    model.graph.output[0].name = "ghost"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_duplicate, "defined twice"),
        (_undefined, "undefined 'ghost'"),
        (_cycle, "cycle"),
        (_short_data, "has 4 bytes"),
        (_huge, "dimension of"),
        (_negative, "dimension of -2"),
        (_type, "element type 99"),
        (_sparse, "sparse"),
        (_opset, "opset 99 is not read"),
        (_attribute, "unknown attribute 'stride'"),
        (_attribute_type, "wrong type"),
        (_empty_input, "dimension of 0"),
        (_output, "output 'ghost' is not defined"),
    ],
)
def test_what_is_wrong_is_said(spoil: Callable[[onnx.ModelProto], None], said: str) -> None:
    model = small()
    spoil(model)
    assert said in refusal(model)


def test_names_that_are_not_utf8_are_refused() -> None:
    assert refusal(small().SerializeToString().replace(b"Relu", b"\xff\xfe\xfd\xfc"))


def test_every_truncation_is_refused_or_a_model() -> None:
    data = small().SerializeToString()
    for length in range(len(data)):
        try:
            read(data[:length], SOURCE)
        except ModelFormatError:
            continue


def test_a_flood_of_empty_nodes_is_refused_before_it_is_parsed() -> None:
    nodes = b"\x0a\x00" * 3_000_000
    length, size = len(nodes), b""
    while length:
        size += bytes([(length & 0x7F) | (0x80 if length > 0x7F else 0)])
        length >>= 7
    assert "more than 1,000,000 fields" in refusal(b"\x3a" + size + nodes)


def external(location: str, offset: str = "0", length: str = "32") -> onnx.ModelProto:
    model = small()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        tensor.external_data.add(key=key, value=value)
    return model


def test_external_data_are_read_from_the_models_folder(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(b"pad!" + np.arange(8, dtype=np.float32).tobytes())
    (tmp_path / "net.onnx").write_bytes(external("w.bin", "4").SerializeToString())
    graph = load_model(tmp_path / "net.onnx")
    x = np.ones((1, 4, 2, 2), np.float32)
    assert Executor(graph).run({"x": x})["y"][0, :, 0, 0].tolist() == [6, 22]


@pytest.mark.parametrize(
    ("location", "offset", "length", "said"),
    [
        ("../w.bin", "0", "32", "not allowed"),
        ("/etc/passwd", "0", "32", "not allowed"),
        ("a/../../w.bin", "0", "32", "not allowed"),
        ("C:\\w.bin", "0", "32", "not allowed"),
        ("", "0", "32", "not allowed"),
        ("link.bin", "0", "32", "leave the folder"),
        ("missing.bin", "0", "32", "not found"),
        (".", "0", "32", "not found"),
        ("w.bin", "4", "32", "past the end"),
        ("w.bin", "-1", "32", "offset or length"),
        ("w.bin", "0", "999", "999 bytes"),
        ("w.bin", "9" * 17, "32", "past the end"),
    ],
)
def test_external_data_elsewhere_are_refused(
    tmp_path: Path, location: str, offset: str, length: str, said: str
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "w.bin").write_bytes(bytes(32))
    (folder / "w.bin").write_bytes(bytes(32))
    (folder / "link.bin").symlink_to(tmp_path / "w.bin")
    assert said in refusal(external(location, offset, length), folder)


def test_external_data_need_a_folder() -> None:
    assert "another file" in refusal(external("w.bin"))


@pytest.mark.parametrize(
    ("opset", "body", "operators"),
    [
        (
            7,
            (
                "(float[1,2,4,4] x) => (float[1,2,8,8] y) { y = "
                "Upsample<scales=[1.0,1.0,2.0,2.0]>(x) }"
            ),
            ["Resize"],
        ),
        (9, "(float[1,2,4,4] x) => (float[1,2,4,4] y) { y = Clip<min=0.0, max=0.5>(x) }", ["Clip"]),
        (
            10,
            "(float[1,2,4,4] x) => (float[1,2,6,5] y) { y = Pad<pads=[0,0,1,0,0,0,1,1]>(x) }",
            ["Pad"],
        ),
        (
            9,
            (
                "(float[1,2,4,4] x) => (float[1,2,2,3] y) { y = Slice<axes=[2,3], starts=[1,0], "
                "ends=[3,-1]>(x) }"
            ),
            ["Slice"],
        ),
        (11, "(float[1,2,4] x) => (float[2,4] y) { y = Squeeze<axes=[0]>(x) }", ["Squeeze"]),
        (9, "(float[1,2,4] x) => (float[1,2,4] y) { y = Dropout(x) }", ["Identity"]),
        (11, "(float[1,2,4] x) => (float[1,2,4] y) { y = Softmax(x) }", None),
        (
            11,
            (
                "(float[1,4] x) => (float[1,2] y, float[1,2] z) { y, z = Split<axis=1, "
                "split=[2,2]>(x) }"
            ),
            ["Split"],
        ),
    ],
)
def test_older_operator_sets_mean_the_same_in_opset_13(
    opset: int, body: str, operators: list[str] | None
) -> None:
    model = model_of(body, opset)
    dims = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    x = np.random.default_rng(0).standard_normal(dims).astype(np.float32)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    wanted = session.run(None, {"x": x})
    graph = read(model.SerializeToString(), SOURCE)
    assert graph.opset == 13
    assert operators is None or [n.op_type for n in graph.graph] == operators
    found = Executor(fix_shapes.run(graph, PassContext()).graph).run({"x": x})
    for a, b in zip(wanted, found.values(), strict=True):
        assert np.abs(a - b).max() <= 1e-6
