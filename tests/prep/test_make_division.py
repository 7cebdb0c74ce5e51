"""`sla split`: divisions of a store are tables, checked for leaks; frames are written once."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from clip_store import bytes_only, make_store
from prep_work import build, digests, table_of
from typer.testing import CliRunner

from sla_cli.cli.main import app
from sla_cli.config.settings import DivisionConfig
from sla_cli.errors import SlaError
from sla_cli.prep.check import check_store
from sla_cli.prep.left_out import leave_out
from sla_cli.prep.make_division import split_store
from sla_cli.store.content import EncodedClip
from sla_cli.store.division import read_division
from sla_cli.store.paths import division_path
from sla_cli.store.store import Store
from sla_cli.system.atomic import temporary_path

BY_SIGNER = DivisionConfig("signer", (60.0, 20.0, 20.0))
SENTENCES = ("A", "B", "C", "D", "E", "F")
CLIPS = [
    bytes_only(f"{signer}-{text}", text, 9, signer=signer, source=f"{signer}{text}.mp4")
    for signer in ("ann", "bob", "cem", "dan", "eve")
    for text in SENTENCES
]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store whose corpus has no division of its own."""
    return undivided(tmp_path / "store", CLIPS)


def undivided(folder: Path, clips: list[EncodedClip]) -> Path:
    make_store(folder, {"train": clips}, results={"divisions": {}})
    division_path(folder, "corpus").unlink()
    return folder


def splits_of(store: Path, name: str) -> dict[str, str]:
    return dict(read_division(division_path(store, name)).splits)


def write_table(path: Path, splits: dict[str, str]) -> Path:
    path.write_text("clip\tsplit\n" + "".join(f"{clip}\t{split}\n" for clip, split in splits.items()))
    return path


def sla(*arguments: str) -> list[str]:
    """The lines that a command prints."""
    answer = CliRunner().invoke(app, [*arguments, "-q"])
    assert answer.exit_code == 0, answer.output
    return answer.stdout.splitlines()


@pytest.mark.parametrize(
    ("by", "shared", "sizes"),
    [("signer", "signers", (18, 6, 6)), ("sentence", "glosses", (20, 5, 5)), ("random", "ids", (18, 6, 6))],
)
def test_the_command_draws_splits_that_share_nothing(store: Path, by: str, shared: str, sizes: tuple[int, ...]) -> None:
    frames = (store / "clips.h5").read_bytes()
    name = f"{by}-60-20-20"
    assert sla("split", str(store), "--by", by, "--shares", "60,20,20")[0] == f"division {store}:{name}"
    divided = Store(f"{store}:{name}")
    assert tuple(len(divided[split]) for split in ("train", "dev", "test")) == sizes
    parts = [set(getattr(divided[name], shared)) for name in ("train", "dev", "test")]
    assert sum(map(len, parts)) == len(set.union(*parts))
    assert (store / "clips.h5").read_bytes() == frames
    assert Store(store).division.name == name, "the only one is the default"
    assert not check_store(store, stride=4).problems


def test_five_folds_are_five_tables_over_the_same_frames(store: Path) -> None:
    frames = (store / "clips.h5").read_bytes()
    tested = Counter[str]()
    for fold in range(1, 6):
        sla("split", str(store), "--by", "signer", "--fold", f"{fold}/5")
        tested.update(Store(f"{store}:signer-{fold}of5")["test"].ids)
    assert tested == Counter(one.id for one in CLIPS)
    assert len(list((store / "divisions").iterdir())) == 5
    assert (store / "clips.h5").read_bytes() == frames
    with pytest.raises(SlaError, match="has several divisions"):
        Store(store)


def test_a_table_is_taken_with_its_name(store: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    wanted = {"ann-A": "train", "bob-B": "dev", "cem-C": "test"}
    table = write_table(tmp_path / "mine.tsv", wanted | {"gone": "train"})
    table.write_text(table.read_text(), encoding="utf-16")  # as Excel writes "Unicode text"
    with caplog.at_level("WARNING", "sla"):
        found = split_store(store, table=table)
    assert "lists 1 clip that" in caplog.text and "gone" in caplog.text
    assert (found.clips, found.unlisted) == ({"train": 1, "dev": 1, "test": 1}, 27)
    assert "  in no split: 27" in sla("split", str(store), "--from", str(table))
    assert splits_of(store, "mine") == wanted
    assert sla("split", str(store), "--from", str(table), "--name", "other")[0] == f"division {store}:other"
    with pytest.raises(SlaError, match="lists no clip of"):
        split_store(store, table=write_table(tmp_path / "foreign.tsv", {"x": "train"}))
    with pytest.raises(SlaError, match="has a division mine, made from another table") as caught:
        split_store(store, table=write_table(table, {"ann-A": "test"}))
    assert "--force" in caught.value.hint
    with pytest.raises(SlaError, match="store:mine is a division; what is divided is the whole store"):
        split_store(Path(f"{store}:mine"), table=table, force=True)
    split_store(store, table=table, force=True)
    assert splits_of(store, "mine") == {"ann-A": "test"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--from", "2024:05.tsv"), "'2024:05' cannot be a name"),
        (("--from", ".my.tsv"), "'.my' cannot be a name"),
        ((), "a division is drawn with --by, or taken with --from"),
        (("--seed", "3"), "a division is drawn with --by, or taken with --from"),
        (("--from", "t.tsv", "--by", "signer"), "a division is drawn with --by, or taken with --from"),
        (("--by", "signer", "--fold", "1/3", "--shares", "80,10,10"), "--fold makes parts of equal size"),
        (("--by", "signer", "--shares", "80,x"), "--shares '80,x' is not a list of numbers"),
        (("--by", "signer", "--shares", "1e10,1,1"), "a share is not from 0 to 1,000,000,000"),
        (("--by", "signer", "--name", "a/b"), "a/b"),
        (("--from", "t.tsv"), "t.tsv"),
    ],
)
def test_options_that_contradict_each_other(
    store: Path, arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or names that no command could take."""
    monkeypatch.chdir(tmp_path)
    for name in ("2024:05.tsv", ".my.tsv"):
        write_table(Path(name), {"ann-A": "train"})
    answer = CliRunner().invoke(app, ["split", str(store), *arguments])
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert message in " ".join(answer.stderr.split())


def test_the_same_frames_under_two_names(tmp_path: Path) -> None:
    """Drawn, they are kept together; a table that separates them is refused."""
    copy = replace(CLIPS[0], id="copy", source="copy.mp4", glosses=("Z",), signer="zoe")
    folder = undivided(tmp_path / "store", [*CLIPS, copy])
    for by in ("signer", "sentence", "random"):
        for seed in range(3):
            wanted = DivisionConfig(by, (60.0, 20.0, 20.0), seed=seed)  # type: ignore[arg-type]
            split_store(folder, draws=wanted, name="x", force=True)
            found = splits_of(folder, "x")
            assert found["copy"] == found[CLIPS[0].id]
    table = write_table(tmp_path / "t.tsv", {CLIPS[0].id: "train", "copy": "dev"})
    with pytest.raises(SlaError, match=r"division t: 2 clips of different splits with the same frames: .*copy"):
        split_store(folder, table=table)
    assert not division_path(folder, "t").exists()


def test_the_same_moment_in_two_splits(tmp_path: Path) -> None:
    clips = [bytes_only(name, "A", 9, source=f"v.mp4 {times}") for name, times in (("a", "0.0-2.0"), ("b", "1.0-3.0"))]
    folder = undivided(tmp_path / "store", clips)
    with pytest.raises(SlaError, match="2 clips of different splits with the same moment of a recording: a, b"):
        split_store(folder, table=write_table(tmp_path / "t.tsv", {"a": "train", "b": "test"}))
    split_store(folder, table=write_table(tmp_path / "t.tsv", {"a": "train", "b": "train"}))


@pytest.mark.parametrize(("unseen", "about"), [("signers", "signers in train too: ann"), ("sentences", "glosses of a")])
def test_a_table_is_held_to_its_promise(store: Path, tmp_path: Path, unseen: str, about: str) -> None:
    table = write_table(tmp_path / "t.tsv", {"ann-A": "train", "ann-B": "dev", "bob-A": "dev"})
    split_store(store, table=table, name="without")
    table.write_text(f"# sla-division 1\n# unseen: {unseen}\n{table.read_text()}")
    with pytest.raises(SlaError, match=about):
        split_store(store, table=table)
    split_store(store, table=write_table(table, {"ann-A": "train", "bob-B": "dev"}))
    table.write_text(f"# unseen: {unseen}\n{table.read_text()}")
    split_store(store, table=table)
    assert read_division(division_path(store, "t")).unseen == unseen, "one that is made later is kept too"


def test_a_division_of_the_corpus_is_not_replaced(made: Path, out: Path, tmp_path: Path) -> None:
    clips = Store(made).clips.ids
    table = write_table(tmp_path / "multisigner.tsv", dict.fromkeys(clips, "train"))
    for force in (False, True):
        with pytest.raises(SlaError, match="multisigner is kept for the corpus's own division") as caught:
            split_store(out, table=table, force=force)
        assert "--name" in caught.value.hint
    assert digests(out) == digests(made)
    with pytest.raises(SlaError, match="si5 is kept for the corpus's own division"):  # also before the corpus brings it
        split_store(out, draws=BY_SIGNER, name="si5")
    split_store(out, table=table, name="mine")
    assert Store(out).division.name == "multisigner", "the corpus's own stays the default"


def test_a_table_that_is_up_to_date_has_no_leftover_beside_it(store: Path) -> None:
    for _ in range(2):
        sla("split", str(store), "--by", "random", "--name", "x")
        temporary = temporary_path(division_path(store, "x"))
        left = temporary.with_name(temporary.name.replace(f"-{os.getpid()}-", f"-{2**22 + 1}-"))
        left.touch()
    sla("split", str(store), "--by", "random", "--name", "x")
    assert not list(left.parent.glob(".x.*"))


def test_another_draw_of_the_same_name_is_refused(store: Path) -> None:
    split_store(store, draws=BY_SIGNER, name="x")
    before = splits_of(store, "x")
    with pytest.raises(SlaError, match="has a division x, drawn by signer, shares 60,20,20, seed 0"):
        split_store(store, draws=replace(BY_SIGNER, seed=1), name="x")
    assert splits_of(store, "x") == before
    path = division_path(store, "x")
    old = path.read_bytes()
    split_store(store, draws=replace(BY_SIGNER, seed=1), name="x", force=True)
    assert read_division(path).drawn == "by signer, shares 60,20,20, seed 1"
    assert path.with_name(f"{path.name}.~1~").read_bytes() == old


def test_only_a_division_is_replaced(store: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("my notes\n")
    split_store(store, draws=BY_SIGNER, name="good")
    linked, text, damaged, folder, nowhere = (
        division_path(store, name) for name in ("linked", "text", "damaged", "folder", "nowhere")
    )
    linked.symlink_to(mine)
    nowhere.symlink_to(tmp_path / "new.txt")
    text.write_bytes(mine.read_bytes())
    folder.mkdir()
    damaged.write_bytes(division_path(store, "good").read_bytes()[:-5])
    for path in (linked, text, folder, nowhere):
        with pytest.raises(SlaError, match="is not a division, and is not replaced"):
            split_store(store, draws=BY_SIGNER, name=path.stem, force=True)
    assert mine.read_text() == text.read_text() == "my notes\n"
    assert not (tmp_path / "new.txt").exists()
    for damage in (damaged.read_bytes(), b"# sla-division 1\n\xff"):
        damaged.write_bytes(damage)
        split_store(store, draws=BY_SIGNER, name="damaged", force=True)
        assert splits_of(store, "damaged") == splits_of(store, "good")
    text.unlink()
    linked.unlink()
    assert Store(store, "good").divisions == ["damaged", "good"]


def test_signers_stay_where_they_are_when_prep_adds_clips(
    phoenix_tree: Callable[..., Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = {"train": [(f"clip-{number}", f"A {number}", 6) for number in range(12)]}
    root, out = phoenix_tree(tmp_path, rows, size=16), tmp_path / "store"
    table = table_of(root, "train")
    lines = table.read_text().splitlines()
    table.write_text("\n".join(lines[:7]) + "\n")  # of Signer01 to Signer06
    build(root, out)
    split_store(out, draws=BY_SIGNER, name="mine")
    split_store(out, draws=DivisionConfig("signer", fold="1/3"), name="fold")
    before = splits_of(out, "mine")
    table.write_text("\n".join(lines) + "\n")
    with caplog.at_level("WARNING", "sla"):
        assert build(root, out, force=True).encoded == 6
    assert "6 annotated clips are in no split of division mine; `sla split` continues it: " in caplog.text
    assert "in no split of division fold; `sla split` continues it; if there are new groups, draw all" in caplog.text
    assert splits_of(out, "mine") == before
    split_store(out, draws=BY_SIGNER, name="mine")
    after = splits_of(out, "mine")
    assert before.items() <= after.items()
    assert after.keys() == {f"clip-{number}" for number in range(12)}, "new signers are divided too"
    signers = dict(zip(Store(out).clips.ids, Store(out).clips.signers, strict=True))
    assert len({(signers[clip], split) for clip, split in after.items()}) == 9, "each signer is in one split"
    edited = division_path(out, "mine")
    edited.write_text(re.sub("# digest.*\n|clip-3\t.*\n", "", edited.read_text()))
    build(root, out, force=True)
    assert "1 annotated clip is in no split of division mine: clip-3" in caplog.text, "nothing continues it"


def test_signers_stay_where_they_are_when_the_ids_of_their_clips_change(store: Path, tmp_path: Path) -> None:
    """As of a renamed file, or in ELAN after a border was corrected."""
    split_store(store, draws=BY_SIGNER, name="mine")
    grown = [replace(one, id=f"new-{one.id}", signer=one.signer.upper()) for one in CLIPS]
    grown += [bytes_only(f"{name}-A", "A", 9, signer=name, source=f"{name}.mp4") for name in ("fay", "gus", "hal")]
    later = undivided(tmp_path / "later", grown)
    shutil.copy(division_path(store, "mine"), division_path(later, "mine"))
    split_store(later, draws=BY_SIGNER, name="mine")
    before, after = splits_of(store, "mine"), splits_of(later, "mine")
    assert {f"new-{clip}": split for clip, split in before.items()}.items() <= after.items()
    assert len(after) == len(grown)
    table = division_path(later, "mine")
    assert not re.search(r"\t(ann|fay)", table.read_text()), "names of people in a table that is given away"
    assert not list(table.parent.glob("*.~*")), "a copy of what nobody edited"


@pytest.mark.parametrize("change", ["names exchanged", "a name corrected", "ids moved on"])
def test_a_clip_whose_signer_is_in_another_split_is_refused(store: Path, tmp_path: Path, change: str) -> None:
    """Its frames may be those from which an earlier model learned, or those of another clip."""
    split_store(store, draws=BY_SIGNER, name="mine")
    table = division_path(store, "mine").read_bytes()
    one, other = (
        next(clip for clip, of in splits_of(store, "mine").items() if of == split) for split in ("train", "test")
    )
    names = {one[:3]: other[:3], other[:3]: one[:3]}
    later = {
        "names exchanged": [replace(clip, signer=names.get(clip.signer, clip.signer)) for clip in CLIPS],
        "a name corrected": [replace(clip, signer=other[:3]) if clip.id == one else clip for clip in CLIPS],
        "ids moved on": [replace(clip, id=CLIPS[number - 1].id) for number, clip in enumerate(CLIPS)],
    }
    folder = undivided(tmp_path / "later", later[change])
    division_path(folder, "mine").write_bytes(table)
    with pytest.raises(SlaError, match=r"is in \w+ of the division that is continued, but its signer is in") as caught:
        split_store(folder, draws=BY_SIGNER, name="mine")
    assert "give it with --from" in caught.value.hint
    assert division_path(folder, "mine").read_bytes() == table


def test_a_drawn_division_that_a_person_edited_is_not_drawn_again(store: Path) -> None:
    split_store(store, draws=BY_SIGNER, name="mine")
    path = division_path(store, "mine")
    path.write_text(re.sub("# digest.*\n|ann-A\t.*\n", "", path.read_text()))
    edited = path.read_bytes()
    with pytest.raises(SlaError, match=r"mine\.tsv was edited, and would be drawn without the changes"):
        split_store(store, draws=BY_SIGNER, name="mine")
    assert path.read_bytes() == edited
    split_store(store, table=path)
    with pytest.raises(SlaError, match="has a division mine, made from another table"):
        split_store(store, draws=BY_SIGNER, name="mine")
    assert "ann-A" not in splits_of(store, "mine")
    split_store(store, draws=BY_SIGNER, name="mine", force=True)
    assert "ann-A" in splits_of(store, "mine")


def test_a_signer_who_was_left_out_is_in_no_split_again(store: Path) -> None:
    split_store(store, draws=BY_SIGNER, name="mine")
    before = splits_of(store, "mine")
    gone = before.keys() & {one.id for one in CLIPS if one.signer == "cem"}
    leave_out(store, ["cem"], store.parent)
    assert "cem" not in division_path(store, "mine").read_text()
    split_store(store, draws=BY_SIGNER, name="mine")
    assert splits_of(store, "mine") == {clip: split for clip, split in before.items() if clip not in gone}
