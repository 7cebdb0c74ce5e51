"""A graph of a stranger has its data in itself, wherever the format has a place for data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sla_cli.errors import FormatError
from sla_cli.work.onnx_graphs import check_graph

onnx = pytest.importorskip("onnx")
FLOAT = onnx.TensorProto.FLOAT
OWN = onnx.numpy_helper.from_array(np.arange(8), "own")


def model() -> onnx.ModelProto:
    """It adds a constant to its input."""
    nodes = [onnx.helper.make_node("Constant", [], ["c"]), onnx.helper.make_node("Add", ["x", "c"], ["y"])]
    ends = [[onnx.helper.make_tensor_value_info(name, FLOAT, [8])] for name in "xy"]
    return onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", *ends, [OWN]))


def elsewhere() -> onnx.TensorProto:
    tensor = onnx.TensorProto(name="v", data_type=FLOAT, dims=[8], data_location=onnx.TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../secret")
    return tensor


def constant(made: onnx.ModelProto, **value: object) -> None:
    made.graph.node[0].attribute.append(onnx.AttributeProto(name="value", **value))


def sparse(values: onnx.TensorProto, indices: onnx.TensorProto) -> onnx.SparseTensorProto:
    return onnx.SparseTensorProto(values=values, indices=indices, dims=[8])


def graph() -> onnx.GraphProto:
    return onnx.GraphProto(name="inner", initializer=[elsewhere()])


HOSTILE: dict[str, Callable[[onnx.ModelProto], object]] = {
    "an initializer": lambda made: made.graph.initializer.append(elsewhere()),
    "no place named": lambda made: setattr(made.graph.initializer[0], "data_location", onnx.TensorProto.EXTERNAL),
    "a sparse initializer": lambda made: made.graph.sparse_initializer.append(sparse(elsewhere(), OWN)),
    "a constant": lambda made: constant(made, t=elsewhere()),
    "constants": lambda made: constant(made, tensors=[OWN, elsewhere()]),
    "sparse values": lambda made: constant(made, sparse_tensor=sparse(elsewhere(), OWN)),
    "sparse indices": lambda made: constant(made, sparse_tensor=sparse(OWN, elsewhere())),
    "sparse constants": lambda made: constant(made, sparse_tensors=[sparse(OWN, elsewhere())]),
    "a graph": lambda made: constant(made, g=graph()),
    "graphs": lambda made: constant(made, graphs=[graph()]),
    "training": lambda made: made.training_info.add(initialization=graph()),
    "a function": lambda made: made.functions.add(
        name="f", node=[onnx.NodeProto(attribute=[onnx.AttributeProto(name="value", t=elsewhere())])]
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_data_in_another_file_is_refused(tmp_path: Path, name: str) -> None:
    made, path = model(), tmp_path / "m.onnx"
    constant(made, t=OWN)
    onnx.save(made, path)
    check_graph(path, "")
    HOSTILE[name](made)
    path.write_bytes(made.SerializeToString())
    with pytest.raises(FormatError, match=r"in other files|operators"):
        check_graph(path, "")


@pytest.mark.parametrize("data", [b"", b"\x80\x04.", b"text"])
def test_another_file_is_no_graph(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "m.onnx").write_bytes(data)
    with pytest.raises(FormatError, match="not an ONNX file"):
        check_graph(tmp_path / "m.onnx", "")
