"""An archive is listed once for all processes of prep, also one that lies inside the corpus."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import cv2
import numpy as np
from forked import Forked, sla

# Read by every process when it starts: what workers log is seen too, which otherwise goes nowhere.
LOGGING = """
import logging
log = logging.getLogger("sla")
log.addHandler(logging.FileHandler({path!r}))
log.setLevel("INFO")
"""


def prep(folder: Path, *arguments: str) -> list[str]:
    """What all processes of `sla prep` log."""
    logged = folder / "log"
    (folder / "sitecustomize.py").write_text(LOGGING.format(path=str(logged)))
    python_path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    arguments = ("prep", *arguments, "-j2", "--size", "32", "--work", str(folder / "work"))
    process = Forked(sla, *arguments, printed=folder, environment={"PYTHONPATH": python_path})
    _, printed = process.communicate(timeout=200)
    assert process.returncode == 0, printed
    assert logged.exists(), "no worker was started"
    return (printed + logged.read_text()).splitlines()


def test_an_archive_is_listed_once_for_all_processes(root: Path, tmp_path: Path) -> None:
    source = shutil.make_archive(str(tmp_path / "corpus"), "gztar", root)
    lines = prep(tmp_path, "phoenix2014", source)
    assert sum(f"listing {source}, once" in line for line in lines) == 1


def nested(folder: Path, kind: str) -> Path:
    """Isharah as it is downloaded: tables, and an archive for each signer."""
    root, frame = folder / "isharah", cv2.imencode(".jpg", np.full((40, 30, 3), 90, np.uint8))[1].tobytes()
    splits = {"train": ("00_0001", "00_0002", "01_0001"), "dev": ("02_0001",)}
    (root / "SI").mkdir(parents=True)
    for split, clips in splits.items():
        (root / "SI" / f"{split}.txt").write_text("\n".join(["id|gloss", *(f"{clip}|A B" for clip in clips)]))
        for clip in clips:
            frames = folder / clip[:2] / clip
            frames.mkdir(parents=True)
            for number in range(20):
                (frames / f"frame{number:04d}.jpg").write_bytes(frame)
    for signer in ("00", "01", "02"):
        shutil.make_archive(str(root / signer), kind, folder / signer)
    return root


def test_archives_inside_a_corpus_are_listed_once_too(tmp_path: Path) -> None:
    root = nested(tmp_path, "zip")
    lines = [line for line in prep(tmp_path, "isharah1000", str(root)) if "listing" in line]
    assert sorted(Path(line.split("listing ")[1].split(",")[0]).name[:2] for line in lines) == ["00", "01", "02"]
