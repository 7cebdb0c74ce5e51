"""Parts of one prep, as a job array makes them, and frames that several divisions share."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from forked import Forked, sla
from prep_work import DEV_CLIP, TRAIN_CLIP, build, cached, digests, frames_of, held, table_of

from sla_cli import log
from sla_cli.config.settings import DivisionConfig, PrepConfig
from sla_cli.errors import FormatError, SlaError
from sla_cli.prep.result import BrokenClips
from sla_cli.store.store import Store

pytestmark = pytest.mark.long

Tree = Callable[..., Path]
BY_SIGNER = DivisionConfig(split_by="random", fold="1/3")


def test_parts_in_any_order_and_a_last_call_make_the_store_of_one(made: Path, root: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    counts = [build(root, out, part=(number, 3)).encoded for number in (3, 1, 2, 2)]
    assert sorted(counts) == [0, 1, 2, 2]
    with pytest.raises(SlaError, match="is not a store"):
        Store(out)
    outcome = build(root, out)
    assert (outcome.encoded, outcome.reused) == (0, 5)
    assert digests(out) == digests(made)
    for name in ("train.h5", "dev.h5", "test.h5"):
        assert (out / name).read_bytes() == (made / name).read_bytes()
    assert build(root, out, part=(2, 3)).encoded == 0


def test_a_last_call_makes_what_parts_did_not(made: Path, root: Path, tmp_path: Path) -> None:
    build(root, tmp_path / "store", part=(1, 2))
    assert build(root, tmp_path / "store").encoded == 3
    assert digests(tmp_path / "store") == digests(made)


def test_a_part_names_its_broken_clips_and_keeps_the_others(own: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    frames_of(own, "train", TRAIN_CLIP)[3].write_bytes(b"")
    with pytest.raises(BrokenClips, match="1 of 5 clips of this part cannot be read") as caught:
        build(own, out, part=(1, 1), on_error="skip")
    assert "The last call, without --part" in caught.value.hint
    assert caught.value.failed.keys() == {TRAIN_CLIP}
    assert len(cached(out)) == 4


def test_a_part_replaces_nothing(root: Path, out: Path) -> None:
    with pytest.raises(SlaError, match="cannot replace"):
        build(root, out, part=(1, 2), force=True)
    with pytest.raises(SlaError, match="size was 32, now 16"):
        build(root, out, part=(1, 2), config=PrepConfig(16, quality=90))


def test_the_last_call_waits_for_no_part_and_says_so(root: Path, tmp_path: Path) -> None:
    """It would write a store while a part still encodes; parts go side by side."""
    out = tmp_path / "store"
    with held(out, "LOCK_SH"):
        with pytest.raises(SlaError, match="another process is writing"):
            build(root, out)
        assert build(root, out, part=(1, 2)).encoded == 2


def test_eight_processes_killed_at_random_make_the_store_of_one(
    phoenix_tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = {
        "train": [(f"clip-{number}", "A B", 20 + number) for number in range(36)],
        "dev": [(f"dev-{number}", "A B", 24) for number in range(4)],
    }
    root = phoenix_tree(tmp_path, rows, size=48)
    build(root, tmp_path / "one", config=PrepConfig(96))
    rng, killed = random.Random(3), 0
    monkeypatch.chdir(tmp_path)
    prep = ["prep", "phoenix2014", str(root), "--size", "96", "-j1"]
    out = tmp_path / "sla-work" / "stores" / "phoenix2014"
    for attempt in range(3):
        parts = [Forked(sla, *prep, "--part", f"{number}/8", printed=tmp_path) for number in range(1, 9)]
        if attempt < 2:
            goal = len(cached(out)) + rng.randrange(2, 8)
            while len(cached(out)) < goal and any(part.poll() is None for part in parts):
                time.sleep(0.01)
            for part in rng.sample(parts, 6):
                part.kill()
        printed = [part.communicate(timeout=200) for part in parts]
        codes = [part.returncode for part in parts]
        killed += codes.count(-signal.SIGKILL)
    assert codes == [0] * 8, printed
    assert killed > 3
    answer = subprocess.run([sys.executable, "-m", "sla_cli", *prep], capture_output=True, text=True, check=True)
    assert "encoded now: 0 clips; taken over: 40" in answer.stdout
    assert digests(out) == digests(tmp_path / "one")
    for name in ("train.h5", "dev.h5"):
        assert (out / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


@pytest.mark.parametrize("kind", ["gztar", "zip"])
def test_parts_that_begin_together_list_an_archive_once(made: Path, root: Path, tmp_path: Path, kind: str) -> None:
    if kind == "gztar":
        pytest.importorskip("indexed_gzip", reason="needs the extra `archives`")
    source = shutil.make_archive(str(tmp_path / "corpus"), kind, root)
    command = [sys.executable, "-m", "sla_cli", "prep", "phoenix2014", source, "--size", "32", "--quality", "90", "-j1"]
    parts = [
        subprocess.Popen([*command, "--part", f"{number}/4"], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        for number in range(1, 5)
    ]
    logs = [part.communicate()[1] for part in parts]
    logs.append(subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stderr)
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
    assert outcome.clips == {"train": 4}
    assert len(outcome.failed) == 4
    assert all("01.zip is damaged" in reason for reason in outcome.failed.values())
    lines = capsys.readouterr().err
    assert lines.count(f"listing {source / '00.zip'}, once") == 1
    assert lines.count(f"listing {source / '01.zip'}, once") == 2, "to find the clips, and to tell what is wrong"


def bytes_of(store: Path) -> int:
    return sum(path.stat().st_size for path in store.rglob("*") if path.is_file())


def test_divisions_share_the_frames_of_one_store(phoenix_tree: Tree, tmp_path: Path) -> None:
    """Five folds: each clip is in test once, no frame is stored twice, and pixels are those of the first store."""
    rows = {"train": [(f"clip-{number}", "A B C"[: 1 + 2 * (number % 3)], 40) for number in range(60)]}
    root, base = phoenix_tree(tmp_path, rows, size=128), tmp_path / "stores" / "base"
    config = PrepConfig(128, quality=95)
    build(root, base, config=config)
    before, tested, originals = bytes_of(base), list[str](), Store(base)["train"]
    for fold in range(1, 6):
        out = tmp_path / "stores" / f"fold{fold}"
        division = DivisionConfig(split_by="random", fold=f"{fold}/5")
        outcome = build(root, out, config=config, division=division, frames_from=base)
        assert (outcome.encoded, outcome.reused) == (0, 60)
        store = Store(out)
        assert {name: len(store[name]) for name in store.splits} == {"train": 36, "dev": 12, "test": 12}
        tested += store["test"].ids
        for name in store.splits:
            for clip in store[name]:
                original = originals[clip.id]
                assert np.array_equal(clip.frames(slice(3, 9)), original.frames(slice(3, 9)))
                assert clip.raw().data.tobytes() == original.raw().data.tobytes()
                assert (clip.glosses, clip.fps, len(clip)) == (original.glosses, original.fps, len(original))
        assert build(root, out, config=config, division=division, frames_from=base).encoded == 0
    assert sorted(tested) == sorted(originals.ids)
    assert sum(bytes_of(tmp_path / "stores" / f"fold{fold}") for fold in range(1, 6)) < 0.05 * before
    shutil.move(tmp_path / "stores", tmp_path / "moved")
    assert Store(tmp_path / "moved" / "fold2")["test"][0].frames().shape == (40, 128, 128, 3)


def test_a_clip_that_the_other_store_lacks_is_encoded(own: Path, tmp_path: Path) -> None:
    base, out = tmp_path / "base", tmp_path / "out"
    table = table_of(own, "train")
    rows = table.read_text().splitlines(keepends=True)
    table.write_text("".join(row for row in rows if TRAIN_CLIP not in row))
    build(own, base)
    table.write_text("".join(rows))
    outcome = build(own, out, frames_from=base, config=PrepConfig(32, quality=90, shard_clips=2))
    assert (outcome.encoded, outcome.reused) == (1, 4)
    build(own, tmp_path / "whole")
    for split in ("train", "dev", "test"):
        assert Store(out)[split].ids == Store(tmp_path / "whole")[split].ids
        for clip in Store(out)[split]:
            assert clip.raw().data.tobytes() == Store(tmp_path / "whole")[split][clip.id].raw().data.tobytes()
    assert [len(file.frames_from) for file in Store(out)["train"].files] == [1, 0]


def test_a_division_of_a_division_takes_frames_from_where_they_lie(root: Path, made: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    build(root, one, division=BY_SIGNER, frames_from=made)
    build(root, two, frames_from=one)
    shutil.rmtree(one)
    assert [clip.raw().data.tobytes() for clip in Store(two)["train"]] == [
        clip.raw().data.tobytes() for clip in Store(made)["train"]
    ]


def test_a_store_whose_frames_were_made_again_is_refused(root: Path, own: Path, tmp_path: Path) -> None:
    base, out = tmp_path / "base", tmp_path / "out"
    build(own, base)
    build(own, out, frames_from=base)
    first, second = frames_of(own, "train", TRAIN_CLIP)[:2]
    first.write_bytes(second.read_bytes())
    build(own, base, force=True)
    with pytest.raises(FormatError, match=r"uses frames of .*base.*, which was made again since"):
        Store(out)["train"][0].frames()
    assert build(own, out, frames_from=base).encoded == 0
    assert Store(out)["train"][TRAIN_CLIP].raw().data.tobytes() == Store(base)["train"][TRAIN_CLIP].raw().data.tobytes()
    shutil.rmtree(base)
    with pytest.raises(FormatError, match="which cannot be read"):
        Store(out)["train"][0].frames()


def test_frames_made_in_another_way_are_not_lent(root: Path, made: Path, tmp_path: Path) -> None:
    with pytest.raises(SlaError, match="cannot be used: they were made in another way"):
        build(root, tmp_path / "out", config=PrepConfig(16, quality=90), frames_from=made)
    with pytest.raises(SlaError, match="is not a store"):
        build(root, tmp_path / "out", frames_from=tmp_path)


def test_divisions_are_recorded(root: Path, tmp_path: Path) -> None:
    division = DivisionConfig(split_by="sentence", shares=(60, 20, 20), split_seed=4)
    build(root, tmp_path / "out", division=division)
    split = Store(tmp_path / "out")["train"]
    assert (split.protocol, split.unseen) == ("sentence-60-20-20-seed4", "sentences")
    with pytest.raises(SlaError, match="split_seed was 4, now 5"):
        build(root, tmp_path / "out", division=DivisionConfig("sentence", (60, 20, 20), split_seed=5))


@pytest.mark.parametrize("over", [False, True], ids=["itself", "its borrower"])
def test_a_store_takes_no_frames_from_itself(own: Path, tmp_path: Path, over: bool) -> None:
    base, other = tmp_path / "base", tmp_path / "other"
    build(own, base)
    build(own, other, frames_from=base)
    _rename(own, "dev", DEV_CLIP)  # only by its stamp is it the same recording
    _replace(own, "dev", "SONNE", "MOND")
    before = digests(base)
    with pytest.raises(SlaError, match="base cannot use frames of"):
        build(own, base, frames_from=other if over else base, force=True)
    assert digests(base) == before
    assert digests(other) == before


def test_a_division_is_made_again_where_the_frames_lie_elsewhere_now(own: Path, tmp_path: Path) -> None:
    base, out = tmp_path / "base", tmp_path / "out"
    build(own, base)
    build(own, out, frames_from=base, division=BY_SIGNER)
    build(own, base, division=DivisionConfig(split_by="random", fold="2/3"), force=True)
    with pytest.raises(FormatError, match="was made again since"):
        digests(out)
    assert build(own, out, frames_from=base, division=BY_SIGNER).encoded == 0
    assert sum(len(Store(out)[split]) for split in digests(out)) == 5
    base.rename(tmp_path / "moved")
    assert build(own, out, frames_from=tmp_path / "moved", division=BY_SIGNER).encoded == 0
    assert digests(out)


def test_a_renamed_recording_has_its_new_name_in_the_store(own: Path, made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    build(own, out, frames_from=made)
    _rename(own, "dev", DEV_CLIP)
    assert build(own, out, frames_from=made, force=True).encoded == 0
    assert "renamed" in Store(out)["dev"].sources[0]


def test_a_missing_recording_is_not_taken_from_another_corpus(phoenix_tree: Tree, own: Path, tmp_path: Path) -> None:
    build(phoenix_tree(tmp_path / "others"), tmp_path / "base")
    build(own, tmp_path / "same")
    for frame in frames_of(own, "dev", DEV_CLIP):
        frame.unlink()
    with pytest.raises(BrokenClips, match=r"1 of 5 clips .* holds no images"):
        build(own, tmp_path / "out", frames_from=tmp_path / "base")
    assert build(own, tmp_path / "out", frames_from=tmp_path / "same").encoded == 0


def test_frames_are_found_through_links(root: Path, made: Path, tmp_path: Path) -> None:
    store = tmp_path / "another" / "disk" / "stores" / "division"
    build(root, store, frames_from=made)
    (tmp_path / "work").symlink_to(store.parents[1])
    (tmp_path / "link").symlink_to(store)
    for path in (tmp_path / "work" / "stores" / "division", tmp_path / "link"):
        assert digests(path) == digests(made)


def _rename(root: Path, split: str, clip: str) -> None:
    folder = frames_of(root, split, clip)[0].parents[1]
    folder.rename(folder.with_name("renamed"))
    _replace(root, split, f"|{clip}/", "|renamed/")


def _replace(root: Path, split: str, old: str, new: str) -> None:
    table = table_of(root, split)
    table.write_text(table.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
