"""Writes a model as two ONNX graphs: frames to features, and features to log-probabilities.

Two, because a recording passes the backbone once, and its features pass the head in windows that overlap. Both take one
clip of any length. What a backbone's input needs (crop, size, normalisation) is in the graph.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import onnx
import torch
from onnx import ModelProto, StringStringEntryProto
from torch import Tensor, nn
from torch.nn import functional as F

from sla_cli.core.windows import Windows
from sla_cli.errors import SlaError
from sla_cli.model.clip_borders import FramePositions
from sla_cli.model.open_run import OpenedModel
from sla_cli.model.temporal_head import SequenceModel, TemporalConv, padded_length
from sla_cli.store.codec import reduction
from sla_cli.system.atomic import atomic_write
from sla_cli.work.onnx_graphs import BACKBONE, HEAD, OPSET, GraphFacts, Products, check_graph
from sla_cli.work.run_facts import FrameFormat

EXAMPLE = 9  # frames of the clip with which a graph is traced


def write_graphs(opened: OpenedModel, folder: Path, frames: FrameFormat, products: Products = "fp32") -> None:
    """Write both graphs of a model on the CPU in float32.

    Args:
        frames: of training.
        products: int8 has the backbone's weights in 8 bits, and its activations from part to part: faster and
            smaller, with other results.

    Raises:
        SlaError: this PyTorch is too old, or the disk is full.
    """
    if not hasattr(torch.onnx, "ops"):
        raise SlaError(f"--onnx needs PyTorch 2.8, and this is {torch.__version__}", "pip install 'torch>=2.8'")
    windows = Windows.of(opened.config.train, opened.stride)
    config, backbone = opened.config, opened.network.backbone
    side = -(-frames.size // reduction(frames.size, config.train.crop, config.model.image_size))
    facts = GraphFacts(
        side=side,
        stride=opened.stride,
        reach=sum(block.reach for block in backbone.vit.blocks),
        window=windows.length,
        context=windows.context,
        least=0 if opened.scorer is None else opened.scorer.least,
        limit=None if opened.domain is None else opened.domain.limit,
        usual={} if opened.domain is None else dict(opened.domain.usual),
        fps=frames.fps,
        products=products,
    )
    described = _Frames(opened, side)
    names = ["features", *(["shown"] if opened.scorer else []), *(["distances"] if opened.domain else [])]
    example = torch.zeros(EXAMPLE, side, side, 3, dtype=torch.uint8)
    metadata = facts.metadata()
    _write(described, example, "frames", names, folder / BACKBONE, metadata, products)
    example = torch.zeros(EXAMPLE, backbone.width)
    _write(_Head(opened), example, "features", ["log_probs"], folder / HEAD, metadata)
    for name in (BACKBONE, HEAD):
        check_graph(folder / name, "Please report the backbone and this version of PyTorch.")


class _Frames(nn.Module):
    """RGB uint8 (frames, side, side, 3) of one clip → features (frames, width), and what `Features` holds besides."""

    mean: Tensor
    std: Tensor
    resized: Tensor | None

    def __init__(self, opened: OpenedModel, side: int) -> None:
        super().__init__()
        backbone, config = opened.network.backbone, opened.config
        self.backbone, self.scorer, self.domain = backbone, opened.scorer, opened.domain
        self.cut = round(side * config.train.crop)
        self.start = round(0.5 * (side - self.cut))
        size = config.model.image_size
        resized = None if self.cut == size else _resizing(self.cut, size, backbone.interpolation)
        self.register_buffer("resized", resized)
        for name, values in (("mean", backbone.mean), ("std", backbone.std)):
            self.register_buffer(name, torch.tensor(tuple(values)).view(3, 1, 1) * 255)

    def forward(self, frames: Tensor) -> tuple[Tensor, ...]:
        stop = self.start + self.cut
        pixels = frames[:, self.start : stop, self.start : stop].permute(0, 3, 1, 2).float()
        if self.resized is not None:
            pixels = (self.resized @ pixels @ self.resized.T).clamp(0, 255)
        index = torch.arange(frames.shape[0])  # `len` would make it the length of the example
        self.backbone.borders.positions = FramePositions(index, torch.full_like(index, frames.shape[0]), ())
        rows = self.backbone.vit((pixels - self.mean) / self.std)
        found = [rows]
        if self.scorer is not None:
            found.append(self.scorer(rows))
        if self.domain is not None:
            found.append(self.domain(rows))
        return tuple(found)


class _Head(nn.Module):
    """Features (frames, width) of one clip → natural-log probabilities (steps, glosses + 1)."""

    def __init__(self, opened: OpenedModel) -> None:
        super().__init__()
        network = opened.network
        self.conv, self.lstm = network.conv, _Lstm(network.sequence)
        with torch.no_grad():  # weights as they are used, for instance normalised
            self.bias = network.classifier(torch.zeros(1, network.sequence.width))
            self.weight = network.classifier(torch.eye(network.sequence.width)) - self.bias

    def forward(self, features: Tensor) -> Tensor:
        return (self.lstm(_convolved(self.conv, features)) @ self.weight + self.bias).log_softmax(-1)


def _convolved(conv: TemporalConv, features: Tensor) -> Tensor:
    """As `TemporalConv.forward` for one clip, whose length is not known when the graph is written."""
    length = features.shape[0]
    steps = (length + conv.stride - 1) // conv.stride
    index = (torch.arange(padded_length(steps, conv.pattern)) - conv.margin).clamp(0, length - 1)
    x, layer = features[index].T.unsqueeze(0), 0
    for kind, size in conv.pattern:
        if kind == "K":
            x = F.relu(conv.norms[layer](conv.convs[layer](x)))
            layer += 1
        else:
            # PyTorch exports max_pool1d for one length only. Padding has made the length a multiple of the size.
            x = x.reshape(1, x.shape[1], x.shape[2] // size, size).amax(-1)
    return x.squeeze(0).T


class _Lstm(nn.Module):
    """ONNX's own operator: PyTorch would write one step after the other, for one length only."""

    def __init__(self, model: SequenceModel) -> None:
        super().__init__()
        lstm = model.lstm
        self.layers, self.hidden = lstm.num_layers, lstm.hidden_size
        self.ways = ("", "_reverse") if lstm.bidirectional else ("",)
        for layer in range(self.layers):
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                both = [_in_onnx_order(getattr(lstm, f"{name}_l{layer}{way}")) for way in self.ways]
                self.register_buffer(f"{name}{layer}", torch.stack(both))

    def forward(self, x: Tensor) -> Tensor:
        steps = x.shape[0]
        for layer in range(self.layers):
            to_input, to_hidden, *bias = (
                getattr(self, f"{name}{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            y = torch.onnx.ops.symbolic(
                "LSTM",
                (x.unsqueeze(1), to_input, to_hidden, torch.cat(bias, 1)),
                {"direction": "bidirectional" if len(self.ways) == 2 else "forward", "hidden_size": self.hidden},
                dtype=x.dtype,
                shape=(steps, len(self.ways), 1, self.hidden),
            )
            x = y.reshape(steps, len(self.ways) * self.hidden)
        return x


def _in_onnx_order(gates: Tensor) -> Tensor:
    """PyTorch has input, forget, cell, output; ONNX input, output, forget, cell."""
    to_input, forget, cell, output = gates.detach().chunk(4)
    return torch.cat((to_input, output, forget, cell))


def _resizing(side: int, size: int, mode: str) -> Tensor:
    """(size, side): the resizing of one axis as a product, since ONNX's operator rounds in another way."""
    rows = torch.eye(side).view(1, 1, side, side)
    return F.interpolate(rows, (size, side), mode=mode, antialias=True, align_corners=False)[0, 0]


def _write(
    module: nn.Module,
    example: Tensor,
    given: str,
    found: list[str],
    path: Path,
    metadata: Mapping[str, str],
    products: Products = "fp32",
) -> None:
    with torch.no_grad(), _quiet(), atomic_write(path) as temporary:
        traced = torch.export.export(
            module.eval(), (example,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
            prefer_deferred_runtime_asserts_over_guards=True,  # strides of a single step are no fault
        )  # fmt: skip
        program = torch.onnx.export(
            traced, dynamo=True, input_names=[given], output_names=found, opset_version=OPSET, verbose=False
        )
        assert program is not None
        model = program.model_proto
        if products == "int8":
            model = _in_8_bits(model, temporary)
        _make_plain(model)
        model.metadata_props.extend(StringStringEntryProto(key=key, value=value) for key, value in metadata.items())
        temporary.write_bytes(model.SerializeToString(deterministic=True))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings of PyTorch and ONNX on their own code."""
    before = logging.root.manager.disable
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(max(before, logging.WARNING))
        try:
            yield
        finally:
            logging.disable(before)


def _in_8_bits(model: ModelProto, path: Path) -> ModelProto:
    """The products of the transformer's blocks in int8, by ONNX Runtime; not those before them and after the features.

    Weights have 7 bits: with 8, the sums of CPUs without VNNI overflow.

    Args:
        path: of a file that ONNX Runtime may write.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    nodes = list(model.graph.node)
    first = next(place for place, node in enumerate(nodes) if node.op_type == "Conv")
    last = next(place for place, node in enumerate(nodes) if "features" in node.output)
    wanted = [node.name for node in nodes[first:last] if node.op_type == "MatMul"]
    quantize_dynamic(
        model, path, nodes_to_quantize=wanted, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True,
        extra_options={"MatMulConstBOnly": True},
    )  # fmt: skip
    return onnx.load(path)


def _make_plain(model: ModelProto) -> None:
    """Remove what PyTorch notes of this machine and this process: paths of code, names of unknown lengths."""
    graph = model.graph
    for noted in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        noted.ClearField("metadata_props")
        noted.ClearField("doc_string")
    graph.ClearField("value_info")
    for value, rows in ((graph.input[0], "frames"), *((output, "rows") for output in graph.output)):
        value.type.tensor_type.shape.dim[0].dim_param = rows
