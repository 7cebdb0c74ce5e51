"""A store exported as the folders of a released corpus: read back by sla, and by the code of VAC."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from clip_store import SIDE, clip, make_store
from prep_work import build

from sla_cli.artifact.lock import LOCK
from sla_cli.artifact.receipt import read_receipt
from sla_cli.config.settings import PrepConfig
from sla_cli.errors import FormatError, SlaError
from sla_cli.prep.encoding.process_pool import ProcessPool
from sla_cli.prep.export.export import ExportResult, export_store
from sla_cli.prep.export.layout import LAYOUTS
from sla_cli.prep.export.pictures import Pictures
from sla_cli.store.division import Division, write_division
from sla_cli.store.store import Store

pytestmark = pytest.mark.long

FORK = multiprocessing.get_context("fork")
TRAIN = [clip("t1", "A B", 5, signer="Signer01"), clip("t2", "loc-NORD NULL", 12, signer="Signer02")]
DEV = [clip("d1", "C 'A'", 3, signer="Signer01", translation="ein Satz")]


def export(store: Path, out: Path, layout: str = "phoenix2014", jobs: int = 1, **options: Any) -> ExportResult:
    with closing(ProcessPool(jobs)) as engine:
        return export_store(Store(store), LAYOUTS[layout], out, engine, **options)


def frames(store: Path) -> dict[str, tuple[str, tuple[str, ...], str, np.ndarray]]:
    opened = Store(store)
    clips = [(split, one) for split in opened.splits for one in opened[split]]
    return {f"{split}/{one.id}": (one.signer, one.raw_glosses, one.translation, one.frames()) for split, one in clips}


def assert_equal(one: Path, other: Path) -> None:
    left, right = frames(one), frames(other)
    assert list(left) == list(right)
    for name, facts in left.items():
        assert facts[:3] == right[name][:3]
        np.testing.assert_array_equal(facts[3], right[name][3])


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(
    ("codec", "layout", "jobs"), [("jpeg", "phoenix2014", 1), ("png", "phoenix2014t", 2), ("raw", "phoenix2014", 1)]
)
def test_prep_reads_the_same_corpus_back_pixel_for_pixel(
    root: Path, tmp_path: Path, codec: Any, layout: str, jobs: int
) -> None:
    build(root, tmp_path / "store", config=PrepConfig(32, codec=codec))
    export(tmp_path / "store", tmp_path / "out", layout, jobs)
    build(tmp_path / "out", tmp_path / "back", config=PrepConfig(32, codec="png"), corpus=layout)
    assert_equal(tmp_path / "store", tmp_path / "back")


def test_stored_jpeg_bytes_are_written_as_they_are(made: Path, tmp_path: Path) -> None:
    export(made, tmp_path / "out", image="jpg")
    for split in ("train", "dev", "test"):
        for one in Store(made)[split]:
            folder = tmp_path / f"out/phoenix-2014-multisigner/features/fullFrame-32x32px/{split}/{one.id}/1"
            names = [f"{one.id}.avi_pid0_fn{number:06}-0.jpg" for number in range(len(one))]
            assert sorted(path.name for path in folder.iterdir()) == names
            assert [(folder / name).read_bytes() for name in names] == [data.tobytes() for data in one.encoded()]


def test_vacs_code_finds_every_frame(made: Path, tmp_path: Path) -> None:
    """Its own steps: read the table, cut lines, count frames in one folder and read them in another."""
    export(made, tmp_path / "out")
    prefix = tmp_path / "out" / "phoenix-2014-multisigner"
    for split in ("train", "dev", "test"):
        header, *rows = (prefix / f"annotations/manual/{split}.corpus.csv").read_text(encoding="utf-8").splitlines()
        assert header == "id|folder|signer|annotation"
        clips = list(Store(made)[split])
        for row, one in zip(rows, clips, strict=True):
            name, folder, signer, label = row.split("|")
            assert (name, signer, tuple(label.split(" "))) == (one.id, one.signer, one.raw_glosses)
            assert len(list(prefix.glob(f"features/fullFrame-210x260px/{split}/{folder}"))) == len(one)
            read = sorted(prefix.glob(f"features/fullFrame-32x32px/{split}/{folder}"))
            pictures = [cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB) for path in read]
            np.testing.assert_array_equal(pictures, one.frames())
    link = prefix / "features" / "fullFrame-210x260px"
    assert link.is_symlink()
    moved = tmp_path / "out" / "elsewhere"
    prefix.rename(moved)
    assert (moved / "features" / "fullFrame-210x260px" / "dev").is_dir(), "it is relative"


def test_pictures_sort_by_name_beyond_the_digits_of_the_release(tmp_path: Path) -> None:
    for layout, count in (("phoenix2014", 1_000_001), ("phoenix2014t", 10_000)):
        picture = LAYOUTS[layout].picture
        digits = len(str(count))
        names = [picture("a", number, digits) for number in (0, 1, 9, 998, 9_998, count - 2, count - 1)]
        assert names == sorted(names)
    assert LAYOUTS["phoenix2014"].picture("a", 7, 3) == "a.avi_pid0_fn000007-0"
    assert LAYOUTS["phoenix2014t"].picture("a", 7, 3) == "images0008"


@pytest.mark.parametrize(
    ("layout", "folder", "table", "references"),
    [
        ("phoenix2014", "phoenix2014", "dev.corpus.csv", "phoenix2014-groundtruth-dev.stm"),
        ("phoenix2014t", "phoenix2014t", "PHOENIX-2014-T.dev.corpus.csv", "phoenix2014-T-groundtruth-dev.stm"),
    ],
)
def test_tables_and_references_are_written_as_the_official_ones(
    shared: Path, tmp_path: Path, layout: str, folder: str, table: str, references: str
) -> None:
    """The official dev tables through a store: every line comes out as it was, but for white space and line order."""
    data = shared / "data" / folder
    header, *rows = (data / table).read_text(encoding="utf-8").splitlines()
    columns = header.split("|")
    cells = [dict(zip(columns, row.split("|"), strict=True)) for row in rows]
    glosses, who = ("annotation", "signer") if layout == "phoenix2014" else ("orth", "speaker")
    clips = [
        clip(row[columns[0]], row[glosses], 1, signer=row[who], translation=row.get("translation", ""), seed=0)
        for row in cells
    ]
    export(make_store(tmp_path / "store", {"dev": clips}), tmp_path / "out", layout)
    top = tmp_path / "out" / LAYOUTS[layout].root
    written = (top / "annotations" / "manual" / table).read_text(encoding="utf-8").splitlines()
    assert [_words(line) for line in written] == [_words(line) for line in (header, *rows)]
    stm = (top / "evaluation" / references).read_text(encoding="utf-8").splitlines()
    official = (data / references).read_text(encoding="utf-8").splitlines()
    assert sorted(line.split() for line in stm) == sorted(line.split() for line in official)


def _words(line: str) -> list[list[str]]:
    return [cell.split() for cell in line.split("|")]


def test_train_has_no_references_and_an_unannotated_split_has_none(tmp_path: Path, caplog: Any) -> None:
    store = make_store(tmp_path / "store", {"train": TRAIN, "test": [clip("x", "", 2)]})
    with caplog.at_level(logging.WARNING, "sla"):
        logging.getLogger("sla").propagate = True
        result = export(store, tmp_path / "out")
    assert (result.clips, result.frames, result.size) == ({"train": 2, "test": 1}, 19, SIDE)
    top = tmp_path / "out" / "phoenix-2014-multisigner"
    assert not (top / "evaluation").exists()
    table = (top / "annotations/manual/test.corpus.csv").read_text(encoding="utf-8")
    assert table == "id|folder|signer|annotation\nx|x/1/*.png|unknown|\n"
    assert "no dev in the export" in caplog.text
    assert "test has no reference glosses" in caplog.text
    assert "drops row 2390 of train, a broken clip of the release, and this one has 2" in caplog.text


def test_one_split_only(made: Path, out: Path, tmp_path: Path) -> None:
    """Or none, of a division whose clips the store lacks."""
    write_division(out, Division("lacking", {"x": "train"}))
    with pytest.raises(SlaError, match=r"lacking has no split 'train'"):
        export(Path(f"{out}:lacking"), tmp_path / "none")
    assert export(made, tmp_path / "out", splits=["dev"]).clips == {"dev": 1}
    assert [path.name for path in (tmp_path / "out").rglob("*.csv")] == ["dev.corpus.csv"]
    with pytest.raises(SlaError, match="no split 'test'"):
        export(make_store(tmp_path / "store", {"dev": DEV}), tmp_path / "other", splits=["test"])


@pytest.mark.parametrize(
    ("one", "reported"),
    [
        (clip("a b", "A"), "a b: its id holds ' '"),
        (clip("a|b", "A"), "its id holds '|'"),
        (clip("a*", "A"), "its id holds '*'"),
        (clip("..", "A"), "..: its id is not a valid folder name"),
        (clip("ä" * 120, "A"), "its id gives file names of 264 bytes, but at most 255 are possible"),
        (clip("a", "A|B C"), "a: 'A|B C' contains '|', at which readers"),
        (clip("a", "A 1,5"), "a: 'A 1,5' contains ',', at which readers"),
        (clip("a", "A", signer="Anna B"), "its signer 'Anna B' holds ' '"),
        (clip("a", "A", signer="a|b"), "its signer 'a|b' holds '|'"),
    ],
)
def test_what_a_layout_cannot_hold_is_refused_before_anything_is_written(
    tmp_path: Path, one: Any, reported: str
) -> None:
    store = make_store(tmp_path / "store", {"train": TRAIN, "dev": [*DEV, one]})
    with pytest.raises(SlaError) as caught:
        export(store, tmp_path / "out")
    assert caught.value.message.startswith("1 of 2 clips of dev cannot be exported as phoenix2014: ")
    assert reported in caught.value.message
    assert not (tmp_path / "out").exists()


def test_a_translation_matters_only_where_it_is_written(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", {"dev": [clip("a", "A", translation="ja, gut")]})
    export(store, tmp_path / "out")
    with pytest.raises(SlaError, match=r"^1 of 1 clip of dev .*'ja, gut' contains ','"):
        export(store, tmp_path / "t", "phoenix2014t")


def test_jpeg_is_not_made_of_lossless_frames(root: Path, tmp_path: Path) -> None:
    build(root, tmp_path / "store", config=PrepConfig(32, codec="png"))
    with pytest.raises(SlaError, match="holds its frames as png, not as JPEG"):
        export(tmp_path / "store", tmp_path / "out", image="jpg")


def test_a_folder_that_holds_something_else_is_left_alone(made: Path, out: Path, tmp_path: Path) -> None:
    """Another folder, a store, a file; also with force."""
    mine = tmp_path / "mine"
    (mine / "phoenix-2014-multisigner").mkdir(parents=True)
    (mine / "phoenix-2014-multisigner" / "thesis.txt").write_text("years")
    (tmp_path / "file").touch()
    for place in (mine, out, tmp_path / "file"):
        before = contents(tmp_path)
        for force in (False, True):
            with pytest.raises(SlaError, match=r"contains other files|is a file"):
                export(made, place, force=force)
        assert contents(tmp_path) == before
        assert not (mine / ".lock").exists()


def test_what_others_have_put_beside_an_export_is_left_alone(made: Path, tmp_path: Path) -> None:
    """Another corpus in its folder, a file among its own, and a link to a corpus; also with force."""
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    export(made, out)
    root = out / "phoenix-2014-multisigner"
    features = root / "features"
    for place in (
        *(out / "PHOENIX-2014-T" / "corpus.csv", root / "notes.txt", root / "annotations" / "more.csv"),
        *(features / "mine" / "portrait.png", features / "fullFrame-256x256px" / "dev" / "d1" / "1" / "d1-0.png"),
        next(features.glob("fullFrame-32*/dev/*/1")) / "drawn.png",
        features / "fullFrame-32x32px" / "train" / "own" / "1" / "own.avi_pid0_fn000000-0.png",
    ):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("years")
        before = contents(tmp_path)
        with pytest.raises(SlaError, match=r"contains other files|is not of this export|holds other pictures"):
            export(made, out, image="jpg", force=True)
        assert contents(tmp_path) == before
        place.unlink()
    (out / "PHOENIX-2014-T").rmdir()
    root.rename(tmp_path / "corpus")
    root.symlink_to(tmp_path / "corpus")
    before = contents(tmp_path / "corpus")
    with pytest.raises(SlaError, match="is a link"):
        export(made, out, force=True)
    assert contents(tmp_path / "corpus") == before


def test_what_others_have_put_into_a_killed_export_is_left_alone(made: Path, tmp_path: Path) -> None:
    """Its note has no digests of pictures yet."""
    out = tmp_path / "out"
    process = FORK.Process(target=killed_export, args=(made, out, 2))
    process.start()
    process.join()
    mine = next(out.glob("*/features/fullFrame-32*/train/*/1")) / "notes"
    mine.mkdir()
    (mine / "my.txt").write_text("years")
    with pytest.raises(SlaError, match="holds other pictures than were exported"):
        export(made, out, force=True)
    assert (mine / "my.txt").read_text() == "years"
    shutil.rmtree(mine)
    export(made, out, force=True)


def test_an_edited_picture_is_not_replaced(made: Path, tmp_path: Path) -> None:
    """Also in a clip of which another picture is missing, and in an export that is only completed."""
    export(made, out := tmp_path / "out")
    first, second, *_ = sorted(next(out.glob("*/features/fullFrame-32*/train/*/1")).iterdir())
    whole = second.read_bytes()
    first.write_bytes(b"edited")
    second.unlink()
    export(made, out)
    assert (first.read_bytes(), second.read_bytes()) == (b"edited", whole)
    before = contents(out)
    with pytest.raises(SlaError, match=f"{first.parents[1]} holds other pictures than were exported"):
        export(made, out, force=True)
    assert contents(out) == before
    first.parents[1].rename(tmp_path / "moved")
    export(made, out, force=True)
    assert first.read_bytes() != b"edited"


def test_what_a_killed_export_has_left_of_a_table_is_replaced(made: Path, tmp_path: Path) -> None:
    export(made, out := tmp_path / "out")
    table = next(out.rglob("train.corpus.csv"))
    for path in (table, out / "receipt.json"):
        path.with_name(f".{path.name}.node-7-{2**22 + 1}-0123abcd.partial").write_text("half")
    export(made, out, force=True)
    assert not list(table.parent.glob(".*"))


def test_what_to_do_with_a_damaged_receipt(made: Path, tmp_path: Path) -> None:
    """Without it nothing tells which pictures may be replaced, so making it again as the reader advises is refused."""
    export(made, out := tmp_path / "out")
    (out / "receipt.json").write_text("{")
    with pytest.raises(FormatError) as caught:
        export(made, out, force=True)
    assert caught.value.hint == "Remove the folder, or name another one with -o."


def test_an_export_is_replaced_with_force_only(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(made, out)
    whole = contents(out / "phoenix-2014-multisigner")
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    assert export(made, out) == export(made, out)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.png")} == times, "it was up to date"
    with pytest.raises(SlaError, match="was made with other settings or inputs: image was 'png', now 'jpg'"):
        export(made, out, image="jpg")
    export(made, out, image="jpg", force=True)
    assert not list(out.rglob("*.png")), "nothing is left of the other one"
    export(made, out, "phoenix2014t", force=True)
    assert not (out / "phoenix-2014-multisigner").exists()
    export(made, out, force=True)
    assert contents(out / "phoenix-2014-multisigner") == whole


def test_a_store_that_is_replaced_meanwhile_is_not_mixed_with_the_new_one(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", {"train": TRAIN, "dev": DEV})

    class Meanwhile(ProcessPool):
        def run(self, function: Any, items: Any) -> Any:
            shutil.rmtree(store)
            make_store(store, {"train": [TRAIN[1], TRAIN[0]], "dev": DEV})
            yield from super().run(function, items)

    with closing(Meanwhile(1)) as engine, pytest.raises(SlaError, match="was replaced by another command"):
        export_store(Store(store), LAYOUTS["phoenix2014"], tmp_path / "out", engine)
    assert not list((tmp_path / "out").rglob("*.png"))


def test_a_picture_that_was_changed_is_not_called_up_to_date(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(made, out)
    picture = next(out.rglob("*.png"))
    whole = picture.read_bytes()
    picture.write_bytes(whole)
    export(made, out)
    picture.write_bytes(b"x")
    with pytest.raises(SlaError, match=f"{picture.parent} holds other pictures than were exported"):
        export(made, out)
    assert picture.read_bytes() == b"x"
    picture.unlink()
    export(made, out)
    assert picture.read_bytes() == whole


def test_an_edited_table_is_kept_and_what_is_missing_is_written_again(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(made, out)
    root = out / "phoenix-2014-multisigner"
    whole, table = contents(root), root / "annotations" / "manual" / "train.corpus.csv"
    copies = [table.with_name(f"{table.name}.~{number}~") for number in (1, 2)]
    for number, again in enumerate(({}, {"force": True})):
        table.write_text(f"corrected {number}")
        shutil.rmtree(next(root.glob("features/fullFrame-32*/dev/*")))
        export(made, out, **again)
        assert copies[number].read_text() == f"corrected {number}"
        assert {name: data for name, data in contents(root).items() if not name.endswith("~")} == whole
    with pytest.raises(SlaError, match="~1~ is not of this export"):
        export(made, out, "phoenix2014t", force=True)
    for copy in copies:
        copy.unlink()
    table.write_text("corrected")
    with pytest.raises(SlaError, match="was edited since it was exported"):
        export(made, out, "phoenix2014t", force=True)
    added = next(root.glob("features/fullFrame-32*/dev/*/1")) / "mine.png"
    added.write_text("years")
    with pytest.raises(SlaError, match=r"mine\.png is not of this export"):
        export(made, out)
    assert added.read_text() == "years" and table.read_text() == "corrected"


def killed_export(store: Path, out: Path, moment: int) -> None:
    """In a separate process: kill it while it writes the frames of its `moment`-th clip."""
    write, begun = Pictures._files, [0]

    def files(self: Pictures, one: Any, codec: str) -> Iterator[tuple[str, np.ndarray]]:
        begun[0] += 1
        for number, file in enumerate(write(self, one, codec)):
            if begun[0] == moment and number == 5:
                os.kill(os.getpid(), signal.SIGKILL)
            yield file

    Pictures._files = files  # type: ignore[method-assign]
    export(store, out)


def test_a_killed_export_goes_on_and_comes_out_the_same(made: Path, tmp_path: Path) -> None:
    out, kept = tmp_path / "out", dict[Path, int]()
    for moment in (2, 1, 2):
        process = FORK.Process(target=killed_export, args=(made, out, moment))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        assert read_receipt(out) is None
        assert not list(out.rglob("*.csv")), "no table names what is not there"
        now = {path: path.stat().st_mtime_ns for path in (out / "phoenix-2014-multisigner").rglob("*.png")}
        assert kept.items() <= now.items(), "complete clips are kept"
        kept = now
    assert len({path.parent for path in kept}) == 2
    with pytest.raises(SlaError, match=r"is an unfinished export of .*, with other settings"):
        export(made, out, image="jpg")
    export(made, out)
    export(made, tmp_path / "whole")
    assert contents(out).keys() == contents(tmp_path / "whole").keys()
    assert contents(out / "phoenix-2014-multisigner") == contents(tmp_path / "whole" / "phoenix-2014-multisigner")
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def killed_before_its_note(store: Path, out: Path) -> None:
    """In a separate process: kill it when its first file is written and has not yet got its name."""
    Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign, assignment]
    export(store, out)


def test_an_export_that_was_killed_before_its_first_file_is_begun_again(made: Path, tmp_path: Path) -> None:
    process = FORK.Process(target=killed_before_its_note, args=(made, tmp_path / "out"))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert [path.suffix for path in (tmp_path / "out").iterdir() if path.name != LOCK] == [".partial"]
    export(made, tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.partial"))


def test_pictures_that_a_power_cut_emptied_are_written_again(made: Path, tmp_path: Path) -> None:
    export(made, tmp_path / "whole")
    process = FORK.Process(target=killed_export, args=(made, tmp_path / "out", 3))
    process.start()
    process.join()
    first = min((tmp_path / "out").rglob("*.png"))
    first.write_bytes(b"")
    export(made, tmp_path / "out")
    assert contents(tmp_path / "out" / "phoenix-2014-multisigner") == contents(
        tmp_path / "whole" / "phoenix-2014-multisigner"
    )


def test_a_full_disk_is_one_sentence_and_the_export_goes_on(
    phoenix_tree: Callable[..., Path], tmp_path: Path, small_disk: Path
) -> None:
    rows = {"train": [(f"clip-{n}", "A B", 30) for n in range(6)], "dev": [("d", "A", 4)]}
    build(phoenix_tree(tmp_path, rows, size=48), tmp_path / "store", config=PrepConfig(256))
    with pytest.raises(SlaError, match=r"cannot write .*/clip-\d: No space left on device") as caught:
        export(tmp_path / "store", small_disk / "out")
    assert "complete clips are kept" in caught.value.hint
    kept = len(list((small_disk / "out").rglob("*.png")))
    assert kept % 30 == 0 and 0 < kept < 180
    shutil.move(small_disk / "out", tmp_path / "out")
    assert export(tmp_path / "store", tmp_path / "out").frames == 184


def test_space_is_no_help_where_a_file_is_in_the_way(made: Path, tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    store = Store(made)
    pictures = Pictures(store.name, tmp_path / "out", "phoenix2014", "png", 32, {"dev": store["dev"].digest})
    with pytest.raises(SlaError, match=r"cannot write .*: Not a directory") as caught:
        pictures.write(("dev", 0))
    assert "space" not in caught.value.hint


def test_a_damaged_clip_is_named(out: Path, tmp_path: Path) -> None:
    with (out / "clips.h5").open("r+b") as file:
        data = file.read()
        place = data.index(Store(out)["train"][2].encoded()[23].tobytes()) + 200
        file.seek(place)
        file.write(bytes([data[place] ^ 255]))
    with pytest.raises(FormatError, match="clip 02May_2010_Sunday_tagesschau_default-1 is damaged"):
        export(out, tmp_path / "out")


def test_the_note_of_an_unfinished_export(made: Path, tmp_path: Path) -> None:
    process = FORK.Process(target=killed_export, args=(made, tmp_path / "out", 1))
    process.start()
    process.join()
    note = tmp_path / "out" / ".export.json"
    assert json.loads(note.read_text(encoding="utf-8"))["layout"] == "phoenix2014"
    whole = json.loads(note.read_text(encoding="utf-8"))
    note.write_text("{", encoding="utf-8")
    with pytest.raises(FormatError, match=r"\.export\.json, line 1: not JSON"):
        export(made, tmp_path / "out")
    for wrong in ({"layout": ["x"]}, {"lengths": 3}, {"lengths": {"a": {"b": "c"}}}, {"image": "tif"}, {"tables": []}):
        note.write_text(json.dumps(whole | wrong), encoding="utf-8")
        with pytest.raises(FormatError, match=r"\.export\.json: "):
            export(made, tmp_path / "out", force=True)
