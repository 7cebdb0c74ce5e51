"""The ONNX graphs of a model folder: what their metadata say, and what they may hold.

A graph is a program that a stranger may have written. Only operators that `sla export` uses are read, no functions, no
loops, and no weights in other files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from sla_cli.artifact.json_file import parse_json
from sla_cli.config.checks import read_values
from sla_cli.core.quantities import Distance, FrameRate, Percent
from sla_cli.errors import FormatError, some

BACKBONE, HEAD = "backbone.onnx", "head.onnx"
OPSET = 20
Products = Literal["fp32", "int8"]  # how the backbone computes its matrix products
OPERATORS = frozenset(
    """
    Add And Cast Clip Concat Constant ConstantOfShape Conv Div DynamicQuantizeLinear Erf Expand Gather GatherND
    Gelu Gemm GreaterOrEqual Identity LSTM LayerNormalization Less LogSoftmax MatMul MatMulInteger Max Min Mul
    Neg Not Pad Pow Range ReduceMax ReduceMean Relu Reshape Round Shape Sigmoid Slice Softmax Split Sqrt Squeeze
    Sub Tanh Transpose Unsqueeze Where
    """.split()  # noqa: SIM905, a list would have a line for each
)
# The kinds of messages in a graph that `sla export` writes. Others may hold graphs, or the names of other files.
PARTS = frozenset(
    """
    ModelProto OperatorSetIdProto StringStringEntryProto GraphProto NodeProto AttributeProto TensorProto
    ValueInfoProto TypeProto Tensor TensorShapeProto Dimension
    """.split()  # noqa: SIM905
)


@dataclass(frozen=True)
class GraphFacts:
    """The metadata of both graphs, each value as JSON.

    Attributes:
        side: pixels of both sides of a frame.
        stride: frames per output step.
        reach: frames to either side that a frame's features depend on.
        window, context: frames that the head takes at once in a long recording, and of them at each cut end those
            whose output is not used.
        least: frames that a sign has at least; 0 if there are no scores of frames.
        limit: mean distance above which a recording is unlike the training data; null if unknown.
        usual: for each property of a recording's appearance the range in which most training clips are.
        fps: frames per second in training; 0 if unknown.
        products: how the backbone computes its matrix products.
        format: what this is.
    """

    side: Annotated[int, Meta(ge=1, le=4096)]
    stride: Annotated[int, Meta(ge=1, le=10_000)]
    reach: Annotated[int, Meta(ge=0, le=1000)]
    window: Annotated[int, Meta(ge=1)]
    context: Annotated[int, Meta(ge=0)]
    least: Annotated[int, Meta(ge=0, le=1_000_000)]
    limit: Distance | None
    usual: dict[str, tuple[Percent, Percent]] = field(default_factory=dict)
    fps: FrameRate = 0.0
    products: Products = "fp32"
    format: Literal["sla-onnx"] = "sla-onnx"

    def metadata(self) -> dict[str, str]:
        """As ONNX keeps them."""
        return {name: json.dumps(value) for name, value in asdict(self).items()}

    @classmethod
    def of(cls, metadata: Mapping[str, str], where: str, hint: str) -> GraphFacts:
        """Read them. Raises FormatError for what is missing, unknown or out of bounds."""
        values: dict[str, Any] = {
            name: parse_json(f'{{"value": {text}}}', f"{where}: {name}", hint)["value"]
            for name, text in metadata.items()
        }
        return read_values(cls, values, where, hint)


def check_graph(path: Path, hint: str) -> None:
    """Raise FormatError for a graph with anything but known operators and weights of its own."""
    import onnx

    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:
        raise FormatError(f"{path}: not an ONNX file", hint) from error
    graph = model.graph
    if not graph.node:  # most bytes are a message without fields
        raise FormatError(f"{path}: not an ONNX file", hint)
    unknown = {node.op_type if not node.domain else f"{node.domain}.{node.op_type}" for node in graph.node} - OPERATORS
    if unknown or model.functions:
        raise FormatError(f"{path}: it holds operators that sla does not use: {some(sorted(unknown))}", hint)
    parts = list(_messages(model))
    kinds = [type(part).__name__ for part in parts]
    tensors = [part for part in parts if isinstance(part, onnx.TensorProto)]
    elsewhere = any(tensor.external_data or tensor.data_location != tensor.DEFAULT for tensor in tensors)
    if elsewhere or kinds.count("GraphProto") > 1 or not PARTS.issuperset(kinds):
        raise FormatError(f"{path}: it holds graphs within it, or weights in other files", hint)


def _messages(root: Any) -> Iterator[Any]:
    """A message of protobuf, and all messages in it."""
    left = [root]
    while left:
        yield (message := left.pop())
        for of_field, value in message.ListFields():
            if of_field.message_type is not None:
                left += [value] if hasattr(value, "ListFields") else value
