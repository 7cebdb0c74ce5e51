"""A store comes out the same whatever happened on the way, and never half."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from sla_cli.config import PrepConfig
from sla_cli.errors import SlaError
from sla_cli.formats.receipt import read_receipt
from sla_cli.formats.store import Store
from sla_cli.formats.table import read_table
from sla_cli.formats.work import Work
from sla_cli.prep.build import Outcome, build_store
from sla_cli.prep.corpora import phoenix2014

Tree = Callable[..., Path]
CONFIG = PrepConfig(size=32, quality=90)
CLIP = "02May_2010_Sunday_tagesschau_default-1"
INFEASIBLE = "13April_2011_Wednesday_tagesschau_default-14"


def build(root: Path, out: Path, *, jobs: int = 1, force: bool = False, config: PrepConfig = CONFIG) -> Outcome:
    return build_store(phoenix2014, root, out, config, jobs=jobs, force=force)


def digests(out: Path) -> dict[str, str]:
    """Of the content; also checks that no frame is damaged."""
    store = Store(out)
    for name in store.splits:
        for clip in store[name]:
            clip.raw()
    return {name: store[name].digest for name in store.splits}


def frames_of(root: Path, split: str, clip: str) -> list[Path]:
    return sorted((root / "features" / "fullFrame-210x260px" / split / clip / "1").iterdir())


def times(folder: Path, pattern: str) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.glob(pattern)}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, phoenix_tree: Tree) -> Path:
    """A small corpus; not to be changed."""
    return phoenix_tree(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """Its store, made without interruption; not to be changed."""
    out = tmp_path_factory.mktemp("work") / "stores" / "phoenix2014"
    assert build(root, out).clips == {"train": 3, "dev": 1, "test": 1}
    return out


@pytest.fixture
def out(tmp_path: Path, made: Path) -> Path:
    """A copy of the store to spoil."""
    return Path(shutil.copytree(made, tmp_path / "copy"))


@pytest.fixture
def own(tmp_path: Path, root: Path) -> Path:
    """A copy of the corpus to spoil."""
    return Path(shutil.copytree(root, tmp_path / "corpus"))


def test_the_store_holds_what_the_corpus_holds(made: Path, root: Path) -> None:
    store = Store(made)
    assert store.vocabulary == ("GRAD", "HEUTE", "MORGEN", "NORD", "NULL", "REGEN", "SONNE", "SUED")
    for split, table in phoenix2014.tables(root).items():
        assert (store[split].fps, store[split].size, store[split].quality) == (25.0, 32, 90)
        assert store[split].corpus == "phoenix2014"
        rows = list(read_table(table, phoenix2014.COLUMNS))
        assert store[split].ids == [row["id"] for row in rows]
        for row in rows:
            clip = store[split][row["id"]]
            assert clip.glosses == tuple(row["annotation"].split())
            sources = [cv2.imread(str(path)) for path in frames_of(root, split, clip.id)]
            for frame, source in zip(clip.frames(), sources, strict=True):
                assert cv2.PSNR(frame[..., ::-1], cv2.resize(source, (32, 32), interpolation=cv2.INTER_AREA)) > 30
    names = {path.name for path in made.iterdir()}
    assert names == {"train.h5", "dev.h5", "test.h5", "receipt.json", ".lock"}


def test_the_receipt_tells_settings_inputs_and_results(made: Path, root: Path) -> None:
    receipt = read_receipt(made)
    assert receipt is not None
    assert receipt.arguments == {"corpus": "phoenix2014", "source": str(root), "size": 32, "quality": 90}
    assert receipt.inputs.keys() == {"train.corpus.csv", "dev.corpus.csv", "test.corpus.csv"}
    assert receipt.results == {"clips": {"train": 3, "dev": 1, "test": 1}, "skipped": {}, "failed": {}}


def test_any_number_of_processes_gives_the_same_files(made: Path, root: Path, tmp_path: Path) -> None:
    build(root, tmp_path / "two", jobs=2)
    assert digests(tmp_path / "two") == digests(made)
    for name in ("train.h5", "dev.h5", "test.h5"):
        assert (tmp_path / "two" / name).read_bytes() == (made / name).read_bytes()


def test_a_finished_store_is_left_alone(root: Path, out: Path) -> None:
    before = times(out, "*")
    (out / ".spool-left-by-a-kill").mkdir()
    assert build(root, out).clips == {"train": 3, "dev": 1, "test": 1}
    assert {name: time for name, time in times(out, "*").items() if name in before} == before
    assert list(out.glob(".spool-*")) == []


@pytest.mark.parametrize("name", ["train.h5", "test.h5"])
def test_a_store_that_lost_a_file_is_made_again(made: Path, root: Path, out: Path, name: str) -> None:
    (out / name).unlink()
    build(root, out)
    assert digests(out) == digests(made)


def test_other_settings_are_refused_and_forced(made: Path, root: Path, out: Path) -> None:
    with pytest.raises(SlaError, match="size was 32, now 16") as caught:
        build(root, out, config=PrepConfig(16, 90))
    assert "--force" in caught.value.hint
    assert digests(out) == digests(made)
    build(root, out, config=PrepConfig(16, 90), force=True)
    assert Store(out)["train"].size == 16
    build(root, out, force=True)
    assert digests(out) == digests(made)


def test_force_reads_the_frames_again(made: Path, own: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    build(own, out)
    one, two = frames_of(own, "dev", "03June_2011_Friday_heute_default-4")[:2]
    one.write_bytes(two.read_bytes())
    build(own, out)
    assert digests(out) == digests(made), "the tables are the same, so nothing is done"
    build(own, out, force=True)
    assert digests(out)["dev"] != digests(made)["dev"]
    assert digests(out)["train"] == digests(made)["train"]


def test_a_split_that_the_corpus_no_longer_has_leaves_the_store(own: Path, out: Path) -> None:
    phoenix2014.tables(own)["test"].unlink()
    with pytest.raises(SlaError, match=r"test\.corpus\.csv was '\w+', now None"):
        build(own, out)
    build(own, out, force=True)
    assert Store(out).splits == ["train", "dev"]


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n truncated"])
def test_a_broken_frame_costs_its_clip_until_it_is_mended(
    made: Path, own: Path, tmp_path: Path, content: bytes
) -> None:
    """Then only that clip is encoded, and the store equals one that was never broken."""
    frame, out = frames_of(own, "train", CLIP)[5], tmp_path / "store"
    good = frame.read_bytes()
    frame.write_bytes(content)
    outcome = build(own, out)
    assert outcome.failed.keys() == {CLIP}
    assert str(frame) in outcome.failed[CLIP]
    assert outcome.clips == {"train": 2, "dev": 1, "test": 1}
    receipt = read_receipt(out)
    assert receipt is not None
    assert receipt.results["failed"] == outcome.failed
    assert CLIP not in Store(out)["train"]
    assert digests(out)["dev"] == digests(made)["dev"]
    assert "NULL" in Store(out).vocabulary, "the vocabulary is that of the whole corpus"

    spooled = times(out, ".spool-*/*/*/*.npz")
    assert len(spooled) == 4
    assert build(own, out).failed == outcome.failed
    assert times(out, ".spool-*/*/*/*.npz") == spooled

    frame.write_bytes(good)
    for path in (own / "features").rglob("*.png"):
        if CLIP not in str(path):
            path.write_bytes(b"not read again")
    assert build(own, out).failed == {}
    assert digests(out) == digests(made)
    assert list(out.glob(".spool-*")) == []


def test_a_split_of_which_nothing_can_be_read_makes_no_store(own: Path, tmp_path: Path) -> None:
    clip = "03June_2011_Friday_heute_default-4"
    frame = frames_of(own, "dev", clip)[0]
    frame.write_bytes(b"")
    with pytest.raises(SlaError, match="no clip of dev can be read") as caught:
        build(own, tmp_path / "store")
    assert str(frame) in caught.value.message
    with pytest.raises(SlaError, match="is not a store"):
        Store(tmp_path / "store")


def test_a_damaged_spool_file_is_named_and_made_again(made: Path, own: Path, tmp_path: Path) -> None:
    frame, out = frames_of(own, "train", CLIP)[0], tmp_path / "store"
    good = frame.read_bytes()
    frame.write_bytes(b"")
    build(own, out)
    frame.write_bytes(good)
    spooled = sorted(out.glob(".spool-*/*/*/*.npz"))[0]
    data = bytearray(spooled.read_bytes())
    data[len(data) // 2] ^= 1
    spooled.write_bytes(data)
    with pytest.raises(SlaError, match="is damaged") as caught:
        build(own, out)
    assert str(spooled) in caught.value.message
    with pytest.raises(SlaError, match="not complete"):
        Store(out)
    build(own, out)
    assert digests(out) == digests(made)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("01April_2010_Thursday_heute_default-2|", f"{CLIP}|", f"clip {CLIP} is listed twice"),
        (f"{CLIP}|", "|", "clip '' has an empty id"),
        (f"{CLIP}|", "a\tb|", r"clip 'a\\tb'"),
        ("GRAD", "GR\0AD", "NUL"),
        ("Signer02", "Sig\0ner", "NUL"),
    ],
)
def test_rows_that_no_store_can_hold_are_refused_before_any_work(
    own: Path, tmp_path: Path, old: str, new: str, message: str
) -> None:
    table = phoenix2014.tables(own)["train"]
    table.write_text(table.read_text().replace(old, new, 1))
    with pytest.raises(SlaError, match=message) as caught:
        build(own, tmp_path / "store")
    assert "train.corpus.csv" in caught.value.message
    assert [path.name for path in (tmp_path / "store").iterdir()] == [".lock"]


def test_real_rows_with_their_real_frame_counts(shared: Path, phoenix_tree: Tree, tmp_path: Path) -> None:
    """The one clip of the release that CTC cannot align is skipped with its reason, the others are kept."""
    rows: dict[str, list[tuple[str, str, int]]] = {}
    for split in ("train", "dev"):
        folder = shared / "data" / "phoenix2014"
        lengths = read_table(folder / f"{split}.num_frames.tsv", ("id", "frames"), "\t")
        counts = {row["id"]: int(row["frames"]) for row in lengths}
        table = [(row["id"], row["annotation"]) for row in read_table(folder / f"{split}.corpus.csv", ("id",))]
        rows[split] = [(name, text, counts[name]) for number, (name, text) in enumerate(table) if number % 500 == 3]
        rows[split] += [(name, text, counts[name]) for name, text in table if name == INFEASIBLE]
    root = phoenix_tree(tmp_path, rows, size=8, alike=True)
    outcome = build(root, tmp_path / "store", config=PrepConfig(16, 90))
    assert outcome.failed == {}
    assert outcome.skipped.keys() == {INFEASIBLE}
    assert outcome.skipped[INFEASIBLE].startswith("16 frames are 4 steps at stride 4, 17 are needed")
    receipt = read_receipt(tmp_path / "store")
    assert receipt is not None
    assert receipt.results["skipped"] == outcome.skipped
    store = Store(tmp_path / "store")
    for split in ("train", "dev"):
        kept = [row for row in rows[split] if row[0] != INFEASIBLE]
        assert [(clip.id, clip.glosses, len(clip)) for clip in store[split]] == [
            (name, tuple(text.split()), frames) for name, text, frames in kept
        ]


def test_infeasible_clips_of_dev_are_kept(phoenix_tree: Tree, tmp_path: Path) -> None:
    """They are to be scored; repeats need a blank between them."""
    rows = {"train": [("fits", "A B A", 9), ("repeats", "A A B", 12)], "dev": [("short", "A A A", 4)]}
    outcome = build(phoenix_tree(tmp_path, rows, size=16), tmp_path / "store")
    assert outcome.clips == {"train": 1, "dev": 1}
    assert outcome.skipped.keys() == {"repeats"}


def test_two_at_work_on_one_store_do_not_mix(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    out.mkdir()
    code = (
        "import fcntl, sys\nlock = open(sys.argv[1], 'w')\nfcntl.flock(lock, fcntl.LOCK_EX)\n"
        "print('held', flush=True)\nsys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(out / ".lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(SlaError, match="another process is writing"):
            build(root, out)
        other.communicate()
    assert build(root, out).failed == {}


def test_a_full_disk_is_an_error_to_mend(made: Path, phoenix_tree: Tree, small_disk: Path, tmp_path: Path) -> None:
    """An earlier store on it stays whole; with room, the same call goes on."""
    shutil.copytree(made, small_disk / "earlier")
    root = phoenix_tree(tmp_path, {"train": [(f"clip-{n}", "A B", 20) for n in range(8)]}, size=48)
    with pytest.raises(SlaError, match="No space left") as caught:
        build(root, small_disk / "store", config=PrepConfig(256, 100), jobs=2)
    assert "Free space" in caught.value.hint
    assert digests(small_disk / "earlier") == digests(made)
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    spooled = times(small_disk, "store/.spool-*/*/*/*.npz")
    assert spooled, "what was whole is kept"
    build(root, small_disk / "store", config=PrepConfig(256, 100), jobs=1)
    build(root, tmp_path / "clean", config=PrepConfig(256, 100), jobs=1)
    assert digests(small_disk / "store") == digests(tmp_path / "clean")


def test_an_output_folder_that_is_a_file(root: Path, tmp_path: Path) -> None:
    (tmp_path / "store").touch()
    with pytest.raises(SlaError, match=r"cannot write .*store"):
        build(root, tmp_path / "store")


def build_and_die(root: Path, out: Path, moment: int, when: str) -> None:
    """In a process of its own: kill it before or after it renames its `moment`-th file."""
    rename, renamed = Path.replace, itertools.count(1)

    def replace(self: Path, target: Path) -> None:
        at = next(renamed) == moment
        if not (at and when == "before"):
            rename(self, target)
        if at:
            os.kill(os.getpid(), signal.SIGKILL)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        build(root, out)


def assert_taken_by_nobody(out: Path) -> None:
    with pytest.raises(SlaError, match="no finished store"):
        Work(out.parents[1]).only_store()
    with pytest.raises(SlaError, match=r"not complete|is not a store"):
        Store(out)


def test_kills_at_any_moment_cost_nothing_but_time(made: Path, root: Path, tmp_path: Path) -> None:
    """Five clips, three splits and the receipt are renamed; what is there before the last is taken by nobody."""
    out = tmp_path / "sla-work" / "stores" / "phoenix2014"
    done = 0
    for moment, when in ((1, "before"), (2, "after"), (4, "before"), (1, "after"), (2, "before"), (3, "after")):
        process = multiprocessing.get_context("fork").Process(target=build_and_die, args=(root, out, moment, when))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        assert_taken_by_nobody(out)
        spooled = len(list(out.glob(".spool-*/*/*/*.npz")))
        assert spooled >= done, "a clip that was encoded is lost"
        done = spooled
    assert done == 5
    build(root, out)
    assert digests(out) == digests(made)
    assert {path.name for path in out.iterdir()} == {path.name for path in made.iterdir()}


def test_a_kill_while_a_store_is_replaced_leaves_no_mixture(root: Path, out: Path) -> None:
    """Files of two settings side by side would pass for a store."""
    config = PrepConfig(16, 90)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sla_cli.prep.build.write_receipt", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        context = multiprocessing.get_context("fork")
        process = context.Process(target=build, args=(root, out), kwargs={"force": True, "config": config})
        process.start()
        process.join()
    assert process.exitcode == -signal.SIGKILL
    with pytest.raises(SlaError, match="not complete"):
        Store(out)
    build(root, out, config=config)
    assert {Store(out)[name].size for name in Store(out).splits} == {16}


def test_a_killed_command_takes_its_workers_with_it_and_goes_on_when_run_again(
    phoenix_tree: Tree, tmp_path: Path
) -> None:
    root = phoenix_tree(tmp_path, {"train": [(f"clip-{number}", "A B", 40) for number in range(40)]}, size=48)
    out = tmp_path / "sla-work" / "stores" / "phoenix2014"
    command = [sys.executable, "-m", "sla_cli", "prep", "phoenix2014", str(root), "-j2", "--size", "128"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL, start_new_session=True)
    while len(list(out.glob(".spool-*/*/*/*.npz"))) < 3 and process.poll() is None:
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -signal.SIGKILL, "it finished before it could be killed"
    assert_taken_by_nobody(out)
    deadline = time.monotonic() + 60
    while group_is_alive(process.pid):
        assert time.monotonic() < deadline, "workers outlive a killed sla prep"
        time.sleep(0.05)
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert "of 40 clips were encoded before" in answer.stderr
    build(root, tmp_path / "clean", config=PrepConfig(128))
    assert digests(out) == digests(tmp_path / "clean")


def group_is_alive(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True
