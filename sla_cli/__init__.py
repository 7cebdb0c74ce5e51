"""sla: sign language video to glosses.

    import sla_cli

    model = sla_cli.Recognizer.open("sla-work/runs/adapter-1")
    result = model.transcribe("video.mp4")
    result.save("video.eaf")

Names are imported when they are used, so importing the package imports neither torch nor OpenCV. See docs/python.md.
"""

import os
import sys
from importlib import import_module
from typing import Any

from sla_cli.config.bounds import PICTURE

__version__ = "0.2.0"

# ONNX Runtime sends Microsoft figures of its use by default, and begins when it is imported:
# https://github.com/microsoft/onnxruntime/blob/main/docs/Privacy.md
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# OpenCV reads it when it is imported: a picture of a few kilobytes may have 10^9 pixels. Another value would lift the
# bound, or end the process. If it was imported before, artifact/bounded_decode.py compares the size.
OPENCV_WAS_FIRST = "cv2" in sys.modules
os.environ.update({f"OPENCV_IO_MAX_IMAGE_{what}": str(PICTURE) for what in ("PIXELS", "WIDTH", "HEIGHT")})

# GNU's OpenMP, which PyTorch computes with, reads it when it is loaded: how often a thread that waits for the others
# looks before it sleeps. The default of 300,000 takes the core from those that it waits for, if others use it too.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # what it takes itself if it knows of more threads than cores

# Name to the module that defines it; __init__.pyi tells type checkers the same.
_HOMES = {
    "Final": "transcribe.events",
    "Layout": "annotation.layout",
    "Partial": "transcribe.events",
    "Recognizer": "transcribe.recognizer",
    "Score": "core.result",
    "Sentence": "core.annotation",
    "SentenceEnd": "transcribe.events",
    "Sign": "core.annotation",
    "SlaError": "errors",
    "Store": "store.store",
    "Transcript": "transcribe.transcript",
    "wer": "score.wer",
}
__all__ = ["__version__", *_HOMES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(f"{__name__}.{_HOMES[name]}")
    except (ImportError, OSError) as error:
        from sla_cli.errors import not_installed

        if (friendly := not_installed(error)) is None:
            raise
        raise friendly from error
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
