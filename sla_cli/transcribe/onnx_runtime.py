"""Computes a model with ONNX Runtime: the graphs that `sla export --onnx` puts beside its weights. Without PyTorch."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sla_cli.errors import FormatError, SlaError
from sla_cli.model.frame_stream import FrameStream, Window
from sla_cli.system.host_memory import free_bytes, total_bytes
from sla_cli.system.workers import usable_cores
from sla_cli.transcribe.inputs import as_log_probs
from sla_cli.transcribe.runtime import CHUNK, Features, Push
from sla_cli.transcribe.windows import Floats
from sla_cli.work.model_folder import AGAIN, ModelFolder
from sla_cli.work.onnx_graphs import BACKBONE, HEAD, GraphFacts, check_graph
from sla_cli.work.run import Run

MEMORY = 0.75  # of the free one; the rest is for frames and other programs
# What its messages say to its developers.
NOISE = re.compile(r".*Status Message: |\[ONNXRuntimeError\] : \d+ : \w+ : |\S+\.(cc|h):\d+ .*?\) (?=\w)")
Outputs = dict[str, tuple[str, tuple[int, ...]]]  # name of each output of a graph to its type and shape


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
        self._width = self._head.get_inputs()[0].shape[-1]

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
        steps = -(-len(features) // self.stride)
        found = self._run(self._head, {"features": features}, {"log_probs": ("float32", (steps, self._columns))})
        try:
            return as_log_probs(found["log_probs"], self._columns)
        except SlaError as error:
            raise FormatError(f"{self._path}: {error.message}", AGAIN) from error

    def _computed(self, window: Window[NDArray[np.uint8]]) -> Features:
        rows = len(window.frames)
        wanted: Outputs = {"features": ("float32", (rows, self._width))}
        if self.least:
            wanted["shown"] = "int8", (rows, self._columns)
        if self.limit is not None:
            wanted["distances"] = "float32", (rows,)
        found = self._run(self._backbone, {"frames": window.frames}, wanted)
        values = {name: part[window.wanted] for name, part in found.items()}
        return Features(values["features"], values.get("shown"), values.get("distances"))

    def _run(self, session: Any, given: dict[str, NDArray[Any]], wanted: Outputs) -> dict[str, NDArray[Any]]:
        """Outputs of a graph. Raises FormatError if it fails, or gives other ones or values that are not finite."""
        try:
            found = dict(zip(wanted, _interruptible(session, list(wanted), given), strict=True))
        except Exception as error:
            raise FormatError(f"{self._path}: ONNX Runtime fails: {_reason(error)}", AGAIN) from error
        for name, expected in wanted.items():
            kind = str(getattr(found[name], "dtype", "no array")), np.shape(found[name])
            if kind != expected:
                given_kind, right = (f"{dtype} {shape}" for dtype, shape in (kind, expected))
                raise FormatError(f"{self._path}: its graphs give {name} as {given_kind}, not {right}", AGAIN)
            if name == "features" and not np.isfinite(found[name]).all():
                raise FormatError(f"{self._path}: its graphs give features that are not finite", AGAIN)
            if name == "distances" and not ((found[name] >= 0) & (found[name] < np.inf)).all():
                raise FormatError(f"{self._path}: its graphs give distances below 0, or not finite", AGAIN)
        return found


def _session(path: Path) -> Any:
    """Open a graph, of known operators only. Nothing of it is computed yet."""
    import onnxruntime

    check_graph(path, AGAIN)
    _bound_memory()
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.use_env_allocators", "1")
    options.intra_op_num_threads = usable_cores()
    options.log_severity_level = 4  # errors are raised
    try:
        return onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"], disabled_optimizers=["ConstantFolding"]
        )
    except Exception as error:
        raise FormatError(f"{path}: ONNX Runtime cannot open it: {_reason(error)}", AGAIN) from error


def _interruptible(session: Any, names: list[str], given: dict[str, NDArray[Any]]) -> list[Any]:
    """Outputs of a graph. Ctrl-C ends it after the present operator; Python itself would wait for the last one."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    with ThreadPoolExecutor(1) as thread:
        try:
            return list(thread.submit(session.run, names, given, options).result())
        except KeyboardInterrupt:
            options.terminate = True
            raise


@cache
def _bound_memory() -> None:
    """Let the graphs of this process use no more than most of the memory that is free now.

    A few bytes of a stranger can ask for any amount.
    """
    import onnxruntime

    kind, place = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, onnxruntime.OrtMemType.DEFAULT
    most = int(MEMORY * min(free_bytes(), total_bytes()))
    memory, arena = onnxruntime.OrtMemoryInfo("Cpu", kind, 0, place), onnxruntime.OrtArenaCfg({"max_mem": most})
    onnxruntime.create_and_register_allocator(memory, arena)


def _reason(error: Exception) -> str:
    return NOISE.sub("", " ".join(str(error).split())) or type(error).__name__
