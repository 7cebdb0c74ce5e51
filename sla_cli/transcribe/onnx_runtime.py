"""Computes a model with ONNX Runtime: the graphs that `sla export --onnx` puts beside its weights. Without PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sla_cli.errors import FormatError, SlaError
from sla_cli.model.frame_stream import FrameStream, Window
from sla_cli.system.workers import usable_cores
from sla_cli.transcribe.runtime import CHUNK, Features, Push
from sla_cli.transcribe.windows import Floats
from sla_cli.work.model_folder import AGAIN, ModelFolder
from sla_cli.work.onnx_graphs import BACKBONE, HEAD, GraphFacts, check_graph
from sla_cli.work.run import Run


class OnnxRuntime:
    """A `Runtime` of a model folder, on the CPU.

    Args:
        run: as opened by `find_trained`.

    Raises:
        SlaError: it is a run, or a model without graphs.
        FormatError: a graph that this reader does not know.
    """

    def __init__(self, run: Run) -> None:
        if not isinstance(run, ModelFolder) or BACKBONE not in run.model_facts.files:
            raise SlaError(
                f"{run.path} holds no ONNX", "Make a model that does: `sla export RUN --onnx fp32 -o FOLDER`."
            )
        self._backbone, self._head = (_session(run.inside(name)) for name in (BACKBONE, HEAD))
        path = run.inside(BACKBONE)
        facts = GraphFacts.of(self._backbone.get_modelmeta().custom_metadata_map, str(path), AGAIN)
        self.stride, self.least, self.limit, self.usual = facts.stride, facts.least, facts.limit, facts.usual
        self._reach, self._columns, self._path = facts.reach, len(run.glosses) + 1, run.path

    def streaming(self, chunk: int = 0) -> Push:
        """As `Runtime.streaming`. Frames within reach of a chunk are computed again with the next one."""
        length = chunk or max(CHUNK, 8 * self._reach)
        stream: FrameStream[NDArray[np.uint8]] = FrameStream(length, self._reach, np.concatenate)

        def push(frames: NDArray[np.uint8], last: bool) -> list[Features]:
            stream.buffer.add(frames)
            stream.ended = last
            return [self._computed(window) for window in stream.ready()]

        return push

    def head(self, features: Floats) -> Floats:
        """As `Runtime.head`."""
        (log_probs,) = self._run(self._head, ["log_probs"], {"features": features}, -(-len(features) // self.stride))
        if log_probs.shape[1] != self._columns:
            raise FormatError(f"{self._path}: it has {log_probs.shape[1] - 1} glosses, not {self._columns - 1}", AGAIN)
        return np.asarray(log_probs, np.float32)

    def _computed(self, window: Window[NDArray[np.uint8]]) -> Features:
        names = ["features", *(["shown"] if self.least else []), *(["distances"] if self.limit is not None else [])]
        found = self._run(self._backbone, names, {"frames": window.frames}, len(window.frames))
        values = dict(zip(names, (rows[window.wanted] for rows in found), strict=True))
        return Features(values["features"], values.get("shown"), values.get("distances"))

    def _run(self, session: Any, names: list[str], given: dict[str, NDArray[Any]], rows: int) -> list[NDArray[Any]]:
        """Outputs of a graph. Raises FormatError if it fails, or gives another number of rows."""
        try:
            found = session.run(names, given)
        except Exception as error:
            raise FormatError(f"{self._path}: ONNX Runtime fails: {_first_line(error)}", AGAIN) from error
        if any(len(part) != rows for part in found):
            raise FormatError(f"{self._path}: its graphs give another number of rows than their metadata say", AGAIN)
        return list(found)


def _session(path: Path) -> Any:
    """Open a graph, of known operators only."""
    import onnxruntime

    check_graph(path, AGAIN)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = usable_cores()
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise FormatError(f"{path}: ONNX Runtime cannot open it: {_first_line(error)}", AGAIN) from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
