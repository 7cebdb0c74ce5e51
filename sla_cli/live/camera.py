"""A camera of this machine, through OpenCV."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from sla_cli.errors import SlaError, some
from sla_cli.log import silent_stderr

DEVICES = Path("/dev")


class Camera:
    """A camera by its number. Times are those at which pictures come, from the first one on."""

    live, media = True, None

    def __init__(self, number: int, devices: Path = DEVICES) -> None:
        """Raises SlaError where the system tells that there is no such camera, or that it may not be read."""
        self.name, self._number = f"camera {number}", number
        if sys.platform == "linux":
            _check_device(number, devices)

    def frames(self, stopped: threading.Event) -> Iterator[tuple[float, np.ndarray]]:
        with silent_stderr():
            camera = cv2.VideoCapture(self._number)
        try:
            if not camera.isOpened():
                hint = "Is another program using it? May this terminal use the camera?"
                raise SlaError(f"{self.name} does not open", hint)
            first: float | None = None
            while (read := camera.read())[0]:
                now = time.monotonic()
                first = now if first is None else first
                yield now - first, read[1]
            raise SlaError(f"{self.name} gives no more pictures", "Is it still connected?")
        finally:
            camera.release()


def _check_device(number: int, devices: Path) -> None:
    device = devices / f"video{number}"
    if not device.exists():
        found = sorted(path.name.removeprefix("video") for path in devices.glob("video*"))
        there = f"Cameras here: {some(found)}." if found else "This machine shows no camera at all."
        raise SlaError(f"there is no camera {number} ({device})", there)
    if not os.access(device, os.R_OK | os.W_OK):
        hint = "Join the group that may, mostly `sudo usermod -aG video $USER`, and log in again."
        raise SlaError(f"camera {number} ({device}) may not be used by this user", hint)
