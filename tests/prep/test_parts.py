"""Parts of one prep, as a job array makes them."""

from __future__ import annotations

import random
import shutil
import signal
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from forked import Forked, sla
from prep_work import TRAIN_CLIP, build, cached, digests, frames_of, held, table_of

from sla_cli import log
from sla_cli.artifact.lock import locked
from sla_cli.config.settings import PrepConfig
from sla_cli.errors import SlaError
from sla_cli.prep.result import BrokenClips
from sla_cli.store.store import Store

pytestmark = pytest.mark.long

Tree = Callable[..., Path]


def test_parts_in_any_order_and_a_last_call_make_the_store_of_one(made: Path, root: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    counts = [build(root, out, part=(number, 3)).encoded for number in (3, 1, 2, 2)]
    assert sorted(counts) == [0, 1, 2, 2]
    with pytest.raises(SlaError, match="is not complete"):
        Store(out)
    outcome = build(root, out)
    assert (outcome.encoded, outcome.reused) == (0, 5)
    assert digests(out) == digests(made)
    assert (out / "clips.h5").read_bytes() == (made / "clips.h5").read_bytes()
    assert build(root, out, part=(2, 3)).encoded == 0


def test_a_last_call_makes_what_parts_did_not(made: Path, root: Path, tmp_path: Path) -> None:
    build(root, tmp_path / "store", part=(1, 2))
    assert build(root, tmp_path / "store").encoded == 3
    assert digests(tmp_path / "store") == digests(made)


def test_of_what_a_part_encoded_it_is_said_if_the_recording_is_gone(
    own: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    build(own, tmp_path / "store", part=(1, 1))
    for path in frames_of(own, "train", TRAIN_CLIP):
        path.unlink()
    build(own, tmp_path / "store")
    assert f"the frames of 1 clip are kept whose recordings are not found: {TRAIN_CLIP}" in caplog.text


def test_a_part_names_its_broken_clips_and_keeps_the_others(own: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    frames_of(own, "train", TRAIN_CLIP)[3].write_bytes(b"")
    with pytest.raises(BrokenClips, match="1 of 5 clips of this part cannot be read") as caught:
        build(own, out, part=(1, 1), on_error="skip")
    assert "The last call, without --part" in caught.value.hint
    assert caught.value.failed.keys() == {TRAIN_CLIP}
    assert len(cached(out)) == 4


def test_parts_that_are_refused_leave_nothing(own: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    table = table_of(own, "train")
    table.write_text(table.read_text().replace("NULL", "NU\0LL"))
    with locked(out, "busy", shared=True):
        with pytest.raises(SlaError, match="NUL"):
            build(own, out, part=(1, 2))
        assert [path.name for path in out.iterdir()] == [".lock"]  # another one is at work
    with pytest.raises(SlaError, match="NUL"):
        build(own, out, part=(1, 2))
    assert not out.exists()


def test_a_part_replaces_nothing(root: Path, out: Path) -> None:
    with pytest.raises(SlaError, match="--part and --force do not go together") as caught:
        build(root, out, part=(1, 2), force=True)
    assert caught.value.hint == "Run it once with --force and without --part.", "not without the list of who left"
    with pytest.raises(SlaError, match="size was 32, now 16"):
        build(root, out, part=(1, 2), config=PrepConfig(16, quality=90))


def test_the_last_call_waits_for_no_part_and_says_so(root: Path, tmp_path: Path) -> None:
    """It would write a store while a part still encodes; parts go side by side."""
    out = tmp_path / "store"
    with held(out, "LOCK_SH"):
        with pytest.raises(SlaError, match="another process is writing"):
            build(root, out)
        assert build(root, out, part=(1, 2)).encoded == 2


def slowly(*arguments: str) -> None:
    """`sla`, which takes 0.3 s longer for each file: it may be some time until it is killed."""
    replace = Path.replace
    Path.replace = lambda path, target: (time.sleep(0.3), replace(path, target))[1]  # type: ignore[method-assign]
    sla(*arguments)


def test_processes_killed_at_random_make_the_store_of_one(
    phoenix_tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = {
        "train": [(f"clip-{number}", "A B", 20 + number % 5) for number in range(20)],
        "dev": [(f"dev-{number}", "A B", 24) for number in range(4)],
    }
    root = phoenix_tree(tmp_path, rows, size=48)
    build(root, tmp_path / "one", config=PrepConfig(96))
    rng, killed = random.Random(3), 0
    monkeypatch.chdir(tmp_path)
    prep = ["prep", "phoenix2014", str(root), "--size", "96", "-j1"]
    out = tmp_path / "sla-work" / "stores" / "phoenix2014"
    for attempt in range(3):
        how = slowly if attempt < 2 else sla
        parts = [Forked(how, *prep, "--part", f"{number}/4", printed=tmp_path) for number in range(1, 5)]
        if attempt < 2:
            goal = len(cached(out)) + rng.randrange(1, 5)
            while len(cached(out)) < goal and any(part.poll() is None for part in parts):
                time.sleep(0.01)
            for part in rng.sample(parts, 3):
                part.kill()
        printed = [part.communicate(timeout=200) for part in parts]
        codes = [part.returncode for part in parts]
        killed += codes.count(-signal.SIGKILL)
    assert codes == [0] * 4, printed
    assert killed > 1
    last = Forked(sla, *prep, printed=tmp_path)
    assert "encoded now: 0 clips; taken over: 24" in last.communicate(timeout=200)[0]
    assert digests(out) == digests(tmp_path / "one")
    assert (out / "clips.h5").read_bytes() == (tmp_path / "one" / "clips.h5").read_bytes()


def test_parts_that_begin_together_list_an_archive_once(
    made: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("indexed_gzip", reason="needs the extra `archives`")
    source = shutil.make_archive(str(tmp_path / "corpus"), "gztar", root)
    monkeypatch.chdir(tmp_path)
    prep = ["prep", "phoenix2014", source, "--size", "32", "--quality", "90", "-j1"]
    parts = [Forked(sla, *prep, "--part", f"{number}/4", printed=tmp_path) for number in range(1, 5)]
    logs = [part.communicate(timeout=200)[1] for part in parts]
    logs.append(Forked(sla, *prep, printed=tmp_path).communicate(timeout=200)[1])
    assert "".join(logs).count(f"listing {source}, once") == 1
    assert digests(tmp_path / "sla-work" / "stores" / "phoenix2014") == digests(made)


def test_an_archive_that_cannot_be_opened_is_tried_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not for each of its clips: a large one takes minutes."""
    source = tmp_path / "isharah1000"
    (source / "SI").mkdir(parents=True)
    rows = [f"{signer:02}_{number:04}|A B|text" for signer in (0, 1) for number in range(4)]
    (source / "SI" / "train.txt").write_text("\n".join(["id|gloss|text", *rows]) + "\n")
    folder = tmp_path / "clips"
    for row in rows:
        name = row.partition("|")[0]
        (folder / name).mkdir(parents=True)
        for number in range(9):
            cv2.imwrite(str(folder / name / f"frame{number:04}.jpg"), np.full((24, 24, 3), 20 * number, np.uint8))
    for signer in ("00", "01"):
        with zipfile.ZipFile(source / f"{signer}.zip", "w") as archive:
            for path in sorted(folder.glob(f"{signer}_*/*.jpg")):
                archive.write(path, path.relative_to(folder))
    data = (source / "01.zip").read_bytes()
    (source / "01.zip").write_bytes(data[: len(data) // 2])
    log.setup()
    outcome = build(source, tmp_path / "out", corpus="isharah1000", on_error="skip", jobs=2)
    assert outcome.divisions["SI"].clips == {"train": 4}
    assert len(outcome.failed) == 4
    assert all("01.zip is damaged" in reason for reason in outcome.failed.values())
    lines = capsys.readouterr().err
    assert lines.count(f"listing {source / '00.zip'}, once") == 1
    assert lines.count(f"listing {source / '01.zip'}, once") == 2, "to find the clips, and to tell what is wrong"
