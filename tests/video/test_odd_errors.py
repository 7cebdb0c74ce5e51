"""Errors of the file system while frames are read cost the clip, with its reason, and never more."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from movies import movie, pictures
from shim import NetworkDisk

from sla_cli.core.clip import Source
from sla_cli.errors import FrameError, ReadError, SlaError
from sla_cli.video import tree
from sla_cli.video.frames import FrameReader
from sla_cli.video.source import open_tree

COUNT = 15  # frames

# Reads a recording at many rates of errors; prints the kind and text of each, or how many frames there were.
READER = """
import json, os, random, sys
from pathlib import Path
from sla_cli.core.clip import Source
from sla_cli.errors import FrameError
from sla_cli.video import tree
from sla_cli.video.frames import FrameReader
from sla_cli.video.source import _open_archive, open_tree

root, path, cache = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
tree.IN_MEMORY = int(sys.argv[4])
open_tree(root, cache)
answers = []
rates = [*range(1, 24), *range(24, 400, 37), 10**6]
random.Random(0).shuffle(rates)
for every in rates:
    if every % 3:
        _open_archive.cache_clear()  # else it is open already
    os.environ["SHIM_ESTALE"] = str(every)
    try:
        answers.append(["", len(list(FrameReader(Source(root, path), cache=cache)))])
    except FrameError as error:
        answers.append([type(error).__name__, error.message])
    del os.environ["SHIM_ESTALE"]
print(json.dumps(answers))
"""


def lay(folder: Path, path: str) -> Path:
    """A corpus of one recording, `path`: a folder of pictures, or a video large enough to be read in many pieces."""
    root = folder / "corpus"
    root.mkdir(parents=True)
    if path == "clip":
        (root / path).mkdir()
        for number, image in enumerate(pictures(COUNT)):
            cv2.imwrite(str(root / path / f"{number}.png"), image)
    else:
        noise = np.random.default_rng(0).integers(0, 255, (COUNT, 128, 128, 3), np.uint8)
        movie(root / path, noise, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-qp", "10")
    return root


def read_badly(
    disk: NetworkDisk, folder: Path, root: Path, path: str, in_memory: int = tree.IN_MEMORY
) -> list[tuple[str, str | int]]:
    """At each rate of errors their kind and text, or "" and the number of frames."""
    cache = folder / "net" / "store"
    answer = disk.python(READER, str(root), path, str(cache), str(in_memory), PATH=str(folder / "net"))
    assert answer.returncode == 0, answer.stderr
    return [(kind, printed) for kind, printed in json.loads(answer.stdout)]


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        *((kind, "clip") for kind in ("folder", "zip", "tar", "gztar")),
        *((kind, "video.mp4") for kind in ("folder", "zip", "gztar")),
    ],
)
def test_a_disk_that_fails_now_and_then_gives_all_frames_or_an_error_that_can_be_tried_again(
    tmp_path: Path, network_disk: NetworkDisk, kind: str, path: str
) -> None:
    root = lay(tmp_path / "net", path)
    if kind != "folder":
        root = Path(shutil.make_archive(str(tmp_path / "net" / "corpus"), kind, root))
    answers = read_badly(network_disk, tmp_path, root, path)
    errors = [(kind, printed) for kind, printed in answers if kind]
    assert {printed for kind, printed in answers if not kind} == {COUNT}
    assert errors and all(str(tmp_path / "net") in printed for _, printed in errors)
    assert all(
        kind == "ReadError" or "cannot write" in printed for kind, printed in errors
    )  # or the list of an archive


@pytest.mark.parametrize("path", ["video.mp4", "video.mkv", "video.ts"])
def test_a_video_too_large_for_memory_is_as_exact(tmp_path: Path, network_disk: NetworkDisk, path: str) -> None:
    answers = read_badly(network_disk, tmp_path, lay(tmp_path / "net", path), path, in_memory=0)
    assert {printed for kind, printed in answers if not kind} == {COUNT}
    errors = [(kind, printed) for kind, printed in answers if kind]
    assert errors and all(kind == "ReadError" and str(tmp_path / "net") in str(printed) for kind, printed in errors)


def test_a_folder_that_may_not_be_seen_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may read everything, so the test itself causes the refusal."""
    (tmp_path / "clip").mkdir()
    seen = Path.stat

    def refuse(path: Path, **how: bool) -> os.stat_result:
        if path.name == "clip":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return seen(path, **how)

    monkeypatch.setattr(Path, "stat", refuse)
    tree = open_tree(tmp_path)
    for ask in (tree.is_dir, tree.is_file, tree.stamp):
        with pytest.raises(ReadError, match=r"cannot read .*/clip: Permission denied"):
            ask("clip")
    with pytest.raises(ReadError, match=r"cannot read .*/clip: Permission denied"):
        list(FrameReader(Source(tmp_path, "clip")))
    with pytest.raises(SlaError, match=r"cannot read .*/clip: Permission denied"):
        open_tree(tmp_path / "clip")


def test_what_is_not_there_is_not_worth_another_try(tmp_path: Path) -> None:
    (tmp_path / "broken").symlink_to(tmp_path / "gone")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    for path in ("gone", "broken", "circle", "x" * 300):
        with pytest.raises(FrameError) as caught:
            list(FrameReader(Source(tmp_path, path)))
        assert not isinstance(caught.value, ReadError) and path in caught.value.message
