"""A model with ONNX graphs transcribes as with PyTorch, also where that is not installed; other graphs are refused."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from limited_python import LimitedPython
from recordings import copy_run, refused, signed, sla
from test_hostile_models import config

from sla_cli.errors import TORCH, FormatError
from sla_cli.transcribe.recognizer import Recognizer
from sla_cli.work.model_folder import sha256_of

onnx = pytest.importorskip("onnx")
FLOAT, WHOLE, TEXT = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64, onnx.TensorProto.STRING
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
pytestmark = pytest.mark.ci  # PyTorch takes seconds to export a model
RUN, BACKBONE, HEAD = "old/runs/adapter", "backbone.onnx", "head.onnx"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run, a model of it and a video longer than a window."""
    folder = tmp_path_factory.mktemp("onnx")
    run = copy_run(folder)
    sla("export", str(run), "-o", str(folder / "m"), "--onnx", "fp32", "-q")
    signed(folder / "a.mkv", "NORD REGEN SONNE " * 9)
    return folder


@pytest.fixture
def folder(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(exported / "m", tmp_path / "m")
    shutil.copy(exported / "a.mkv", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_gives_what_pytorch_gives(folder: Path) -> None:
    with Recognizer.open("m", device="cpu") as torch:
        expected = torch.transcribe("a.mkv")
        assert len(expected.log_probs) * 4 > torch.windows.length
    with Recognizer.open("m", runtime="onnx", device="cpu") as model:
        found = model.transcribe("a.mkv")
        assert model.windows == torch.windows
    np.testing.assert_allclose(found.log_probs, expected.log_probs, atol=1e-3)
    assert [(one.gloss, one.start, one.end) for one in found.signs] == [
        (one.gloss, one.start, one.end) for one in expected.signs
    ]
    assert found.warning == expected.warning
    assert len(found.signs) >= 18


def test_the_same_run_gives_the_same_bytes(exported: Path, folder: Path) -> None:
    made = sla("export", str(exported / RUN), "-o", "again", "--onnx", "fp32", "-q")
    assert {BACKBONE, HEAD} < made["files"].keys()
    assert {name: sha256_of(Path("m", name)) for name in made["files"]} == {
        name: sha256_of(Path("again", name)) for name in made["files"]
    }


def test_it_needs_no_pytorch(folder: Path) -> None:
    expected = sla("transcribe", "a.mkv", "--run", "m", "-q")["recordings"][0]["signs"]
    python = LimitedPython(folder, (*TORCH, "torchvision"))
    [(code, output)] = python.sla("transcribe a.mkv --run m --runtime onnx --json -q")
    assert code == 0, output
    found = json.loads(output)["recordings"][0]["signs"]
    assert [one["gloss"] for one in found] == [one["gloss"] for one in expected]
    [(code, output)] = python.sla("transcribe a.mkv --run m -q")
    assert (code, "computing with a model needs" in output) == (2, True)


def test_products_in_int8_read_the_same_glosses_with_a_smaller_file(exported: Path, folder: Path) -> None:
    made = sla("export", str(exported / RUN), "-o", "small", "--onnx", "int8", "-q")
    assert made["files"][BACKBONE] < 0.8 * Path("m", BACKBONE).stat().st_size
    with Recognizer.open("m", runtime="onnx") as model, Recognizer.open("small", runtime="onnx") as small:
        expected, found = model.transcribe("a.mkv"), small.transcribe("a.mkv")
    assert [one.gloss for one in found.signs] == [one.gloss for one in expected.signs]
    assert 1e-3 < np.abs(found.log_probs - expected.log_probs).max() < 2


def test_what_has_no_graphs_is_named(exported: Path, folder: Path) -> None:
    run = str(exported / RUN)
    assert "holds no ONNX" in refused("transcribe", "a.mkv", "--run", run, "--runtime", "onnx")
    for options in (("--half",), ("--without-backbone",)):
        assert "ONNX graphs hold the backbone in float32" in refused(
            "export", run, "-o", "n", "--onnx", "fp32", *options
        )
    assert not Path("n").exists()
    for option in (("--device", "cuda:7"), ("--precision", "bf16"), ("--weights", "a.mkv")):
        arguments = ("transcribe", "a.mkv", "--run", "m", "--runtime", "onnx", *option)
        assert "ONNX graphs have their own weights and precision" in refused(*arguments)


def outside(model: onnx.ModelProto) -> None:
    """Weights in another file: of the user, if their place is a path of the stranger."""
    tensor = max(model.graph.initializer, key=lambda one: len(one.raw_data))
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.ClearField("raw_data")
    tensor.external_data.add(key="location", value="../secret")


def endless(model: onnx.ModelProto) -> None:
    body = onnx.helper.make_graph([], "body", [], [])
    model.graph.node.append(onnx.helper.make_node("Loop", [], ["x"], body=body))


def metadata(model: onnx.ModelProto, name: str, value: str) -> None:
    next(one for one in model.metadata_props if one.key == name).value = value


def replaced(model: onnx.ModelProto, output: str, operator: str, *others: object, **attributes: int) -> None:
    """Give an operator's result as an output, of what the output was and of others: its name again, or constants."""
    graph, first = model.graph, f"{output} as it was"
    for node in graph.node:
        for part in (node.input, node.output):
            part[:] = [first if name == output else name for name in part]
    inputs = [first]
    for number, other in enumerate(others):
        if other == output:
            inputs.append(first)
            continue
        values = np.array(other, np.int64 if isinstance(other, list) else np.float32)
        graph.initializer.append(onnx.numpy_helper.from_array(values, f"constant {number}"))
        inputs.append(f"constant {number}")
    given = inputs[1:] if operator == "ConstantOfShape" else inputs
    graph.node.append(onnx.helper.make_node(operator, given, [output], **attributes))
    of_output = next(one for one in graph.output if one.name == output)
    of_output.type.CopyFrom(onnx.helper.make_tensor_type_proto(attributes.get("to", kind_of(of_output)), None))


def kind_of(value: onnx.ValueInfoProto) -> int:
    return int(value.type.tensor_type.elem_type)


HOSTILE: dict[str, tuple[Callable[[onnx.ModelProto], object], str]] = {
    "weights outside": (outside, "weights in other files"),
    "a loop": (endless, "operators that sla does not use: Loop"),
    "an operator of somebody": (lambda model: setattr(model.graph.node[0], "domain", "own"), "does not use: own."),
    "a reach of all memory": (lambda model: metadata(model, "reach", "1000000"), "reach"),
    "a side of all memory": (lambda model: metadata(model, "side", "1000000"), "side"),
    "a stride that is none": (lambda model: metadata(model, "stride", '"no"'), "stride"),
    "another stride": (lambda model: metadata(model, "stride", "3"), "its graphs give log_probs as float32 "),
    "a limit of nothing": (lambda model: metadata(model, "limit", "0"), "limit: Expected `float` >= 1e-06"),
    "a limit that is no number": (lambda model: metadata(model, "limit", "NaN"), "limit: Expected `float`"),
    "a limit that nothing exceeds": (lambda model: metadata(model, "limit", "1e999"), "limit: Expected `float`"),
    "a range that is no number": (lambda model: metadata(model, "usual", '{"colour": [0, NaN]}'), "Expected `float`"),
    "a negative frame rate": (lambda model: metadata(model, "fps", "-5"), "fps: Expected `float`"),
    "all memory": (lambda model: replaced(model, "features", "ConstantOfShape", [10**13]), "ONNX Runtime fails: "),
    "wide features": (lambda model: replaced(model, "features", "Concat", "features", axis=1), "features as float32"),
    "scores of frames as floats": (lambda model: replaced(model, "shown", "Cast", to=FLOAT), "shown as float32 "),
    "scores of frames as texts": (lambda model: replaced(model, "shown", "Cast", to=TEXT), "shown as object "),
    "wide scores of frames": (lambda model: replaced(model, "shown", "Concat", "shown", axis=1), "shown as int8 ("),
    "distances in columns": (lambda model: replaced(model, "distances", "Unsqueeze", [1]), "distances as float32 ("),
    "distances that are no numbers": (
        lambda model: replaced(model, "distances", "Mul", math.nan),
        "distances below 0, or not finite",
    ),
    "distances below nothing": (lambda model: replaced(model, "distances", "Mul", -1.0), "distances below 0"),
    "of another kind": (lambda model: metadata(model, "format", '"other"'), "format"),
    "no metadata": (lambda model: model.ClearField("metadata_props"), "missing required field"),
    "no frames": (lambda model: setattr(model.graph.input[0], "name", "x"), "ONNX Runtime"),
}


OF_HEAD: dict[str, tuple[Callable[[onnx.ModelProto], object], str]] = {
    "sums above 1": (lambda model: replaced(model, "log_probs", "Add", 5.0), "no log-probabilities"),
    "zeros": (lambda model: replaced(model, "log_probs", "Mul", 0.0), "no log-probabilities"),
    "no numbers": (lambda model: replaced(model, "log_probs", "Mul", math.nan), "no log-probabilities"),
    "whole numbers": (lambda model: replaced(model, "log_probs", "Cast", to=WHOLE), "log_probs as int64 "),
    "three dimensions": (lambda model: replaced(model, "log_probs", "Unsqueeze", [2]), "log_probs as float32 ("),
    "one number": (lambda model: replaced(model, "log_probs", "ReduceMax", keepdims=0), "log_probs as float32 ()"),
    "too wide": (lambda model: replaced(model, "log_probs", "Concat", "log_probs", axis=1), "log_probs as float32 ("),
}


@pytest.mark.parametrize("name", [*HOSTILE, *OF_HEAD])
def test_a_graph_that_a_stranger_made_is_refused(folder: Path, capfd: pytest.CaptureFixture[str], name: str) -> None:
    change, message = (HOSTILE | OF_HEAD)[name]
    (folder / "secret").write_bytes(bytes(1 << 20))
    file = folder / "m" / (HEAD if name in OF_HEAD else BACKBONE)
    model = onnx.load(file)
    change(model)
    onnx.save(model, file)
    seal(folder / "m")
    with pytest.raises(FormatError) as caught, Recognizer.open("m", runtime="onnx", device="cpu") as opened:
        opened.transcribe("a.mkv")
    assert message in caught.value.message
    assert not re.search(r"ONNXRuntimeError|\.cc|::", caught.value.message + capfd.readouterr().err)


@pytest.mark.parametrize("text", [b"", b"no onnx", b"\x08\x08" + bytes(99)])
def test_another_file_in_place_of_a_graph(folder: Path, text: bytes) -> None:
    (folder / "m" / HEAD).write_bytes(text)
    seal(folder / "m")
    assert f"m/{HEAD}" in refused("transcribe", "a.mkv", "--run", "m", "--runtime", "onnx")


def test_onnx_runtime_makes_no_files_of_a_sender_of_figures(tmp_path: Path) -> None:
    """It makes an id of the device and a database of events when it is imported, without being asked."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", "import sla_cli, onnxruntime"], check=True, env=environment)
    assert not list(tmp_path.iterdir())


def seal(model: Path) -> None:
    """Give config.json the digests of the changed graphs."""
    files = json.loads((model / "config.json").read_text())["files"]
    config(model, files={name: sha256_of(model / name) for name in files})
