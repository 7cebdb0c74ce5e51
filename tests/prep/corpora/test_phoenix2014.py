"""Phoenix2014 is found in every common layout, and missing or unusual parts are reported."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from sla_cli.errors import SlaError
from sla_cli.prep.corpora import find_corpus
from sla_cli.prep.corpus import Listing

CLIP = "01April_2010_Thursday_heute_default-0"
FEATURES = "features/fullFrame-210x260px"
SI5 = "phoenix-2014-signerindependent-SI5"
Lay = Callable[..., Path]
Read = Callable[..., Listing]


@pytest.fixture
def root(tmp_path: Path, phoenix_tree: Callable[..., Path]) -> Path:
    """The multisigner folder inside a release folder inside tmp_path."""
    return phoenix_tree(tmp_path / "phoenix2014-release", size=16)


def table(root: Path, split: str = "train") -> Path:
    return root / "annotations" / "manual" / f"{split}.corpus.csv"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize("layout", ["multisigner", "release", "above", "moved"])
def test_every_layout_gives_the_same_clips(tmp_path: Path, root: Path, read: Read, layout: str) -> None:
    given = {"multisigner": root, "release": root.parent, "above": tmp_path, "moved": tmp_path / "elsewhere"}[layout]
    if layout == "moved":  # the folder under a name of one's own
        root = root.rename(given)
    listing = read("phoenix2014", given)
    train = listing.clips[:3]
    assert [(clip.id, clip.signer, clip.glosses, clip.where) for clip in train] == [
        (CLIP, "Signer01", ("HEUTE", "REGEN", "NORD"), "train.corpus.csv, line 2"),
        (CLIP[:-1] + "2", "Signer02", ("MORGEN", "SONNE", "SUED"), "train.corpus.csv, line 3"),
        ("02May_2010_Sunday_tagesschau_default-1", "Signer03", ("NULL", "GRAD", "REGEN", "REGEN"), train[2].where),
    ]
    assert list(listing.divisions["multisigner"].values()) == ["train"] * 3 + ["dev", "test"]
    assert list(listing.divisions) == ["multisigner"]
    assert train[0].source.root / train[0].source.path == root / FEATURES / "train" / CLIP / "1"
    assert listing.tables.keys() == {"train.corpus.csv", "dev.corpus.csv", "test.corpus.csv"}
    assert listing.skipped == {}


@pytest.mark.parametrize("archive", ["zip", "tar"])
def test_an_archive_is_read_in_place(tmp_path: Path, root: Path, read: Read, archive: str) -> None:
    packed = Path(shutil.make_archive(str(tmp_path / "phoenix-2014.v3"), archive, tmp_path, root.parent.name))
    on_disk, in_archive = read("phoenix2014", tmp_path), read("phoenix2014", packed)
    assert [clip.source.path for clip in in_archive.clips] == [clip.source.path for clip in on_disk.clips]
    assert {clip.source.root for clip in in_archive.clips} == {packed}
    assert in_archive.tables == on_disk.tables


def test_frames_without_the_1_and_frames_resized_before(root: Path, read: Read) -> None:
    for clip in (root / FEATURES / "dev").iterdir():
        for frame in (clip / "1").iterdir():
            frame.rename(clip / frame.name)
        (clip / "1").rmdir()
    (root / FEATURES).rename(root / "features" / "fullFrame-256x256px")
    clips = read("phoenix2014", root).clips
    assert clips[0].source.path == f"features/fullFrame-256x256px/train/{CLIP}/1"
    assert clips[3].source.path == "features/fullFrame-256x256px/dev/03June_2011_Friday_heute_default-4"


def test_a_miss_says_what_was_looked_for_and_what_lies_there(tmp_path: Path, read: Read) -> None:
    with pytest.raises(SlaError, match=r"nowhere"):
        read("phoenix2014", tmp_path / "nowhere")
    with pytest.raises(SlaError, match="contains nothing"):
        read("phoenix2014", tmp_path)
    for name in ("PHOENIX-2014-T-release-v3", "a", "b", "c", "d", "e"):
        (tmp_path / name).mkdir()
    (tmp_path / "README").touch()
    with pytest.raises(SlaError) as caught:
        read("phoenix2014", tmp_path)
    message = caught.value.message
    assert f"looked for annotations/manual/train.corpus.csv in {tmp_path} and up to 3 folders below" in message
    assert message.endswith("contains PHOENIX-2014-T-release-v3/, README, a/, b/, c/ and 2 more")
    assert "phoenix2014-release" in caught.value.hint


def test_two_copies_are_not_chosen_between(tmp_path: Path, root: Path, read: Read) -> None:
    shutil.copytree(root, root.parent / "copy")
    with pytest.raises(SlaError, match=r"exists in several folders: .*copy, .*multisigner"):
        read("phoenix2014", root.parent)


def test_train_is_needed_the_other_splits_are_not(root: Path, read: Read, warnings: Callable[[], str]) -> None:
    table(root, "test").unlink()
    listing = read("phoenix2014", root)
    assert list(listing.divisions["multisigner"].values()) == ["train", "train", "train", "dev"]
    assert f"no {table(root, 'test')}: division multisigner gets no test split" in warnings()
    header = table(root, "dev").read_text().partition("\n")[0]
    table(root, "dev").write_text(f"{header}\n")
    assert list(read("phoenix2014", root).divisions["multisigner"].values()) == ["train", "train", "train"]
    assert f"{table(root, 'dev')} has a header, and no rows" in warnings()
    table(root).rename(table(root, "other"))
    with pytest.raises(
        SlaError, match=r"looked for .*train\.corpus\.csv.*annotations/manual contains dev\.corpus\.csv, other\.c"
    ):
        read("phoenix2014", root.parent)


def test_frames_of_a_split_that_are_not_there(root: Path, read: Read) -> None:
    shutil.rmtree(root / FEATURES / "dev")
    with pytest.raises(SlaError) as caught:
        read("phoenix2014", root)
    assert "frames of dev are missing: looked for 03June_2011_Friday_heute_default-4" in caught.value.message
    assert str(root / FEATURES / "dev") in caught.value.message
    assert caught.value.message.endswith(f"{root / FEATURES} contains test/, train/")


def test_one_clip_without_frames_is_left_to_who_reads_it(root: Path, read: Read) -> None:
    shutil.rmtree(root / FEATURES / "train" / CLIP)
    assert read("phoenix2014", root).clips[0].id == CLIP


@pytest.mark.parametrize("folder", ["../../../../etc/*.png", "/etc/*.png", f"{CLIP}/../../x/*.png", "*.png", "", "1/*"])
def test_a_folder_outside_the_corpus_is_refused(root: Path, read: Read, folder: str) -> None:
    edit(table(root), f"{CLIP}/1/*.png", folder)
    refused = rf"line 2: {re.escape(repr(folder))} (leads outside of|names no (file or )?folder in) the corpus"
    with pytest.raises(SlaError, match=refused):
        read("phoenix2014", root)


def test_tables_as_spreadsheets_save_them(root: Path, read: Read) -> None:
    expected = read("phoenix2014", root).clips
    lines = table(root).read_text(encoding="utf-8").splitlines()
    table(root).write_bytes(b"\xef\xbb\xbf" + " \r\n".join(lines).encode())
    assert read("phoenix2014", root).clips == expected


def test_a_table_of_another_corpus_is_named(root: Path, read: Read) -> None:
    edit(table(root), "id|folder|signer|annotation", "name|video|start|end|speaker|orth|translation")
    with pytest.raises(SlaError, match=re.escape(f"{table(root)}, line 1: no column id, folder, signer, annotation")):
        read("phoenix2014", root)


def release(shared: Path, folder: Path, lay: Lay, most: int | None = None) -> Path:
    """The release with its real train and dev tables, or the first rows; SI5's are those without or with signer 5."""
    files: dict[str, str] = {}
    for split in ("train", "dev", "test"):
        real = shared / "data" / "phoenix2014" / f"{split}.corpus.csv"
        rows = real.read_text(encoding="utf-8").splitlines() if real.is_file() else ["id|folder|signer|annotation"]
        if len(rows) == 1:  # the table of test is not among the shared ones
            rows += [f"t{n}|t{n}/1/*.png|Signer0{5 if n < 180 else 1}|REGEN" for n in range(629)]
        files[f"phoenix-2014-multisigner/annotations/manual/{split}.corpus.csv"] = "\n".join(rows)
        rows = rows[:most]
        signer5 = [row for row in rows[1:] if (row.split("|")[2] == "Signer05") == (split != "train")]
        files[f"{SI5}/annotations/manual/{split}.SI5.corpus.csv"] = "\n".join([rows[0], *signer5])
        files |= {f"phoenix-2014-multisigner/{FEATURES}/{split}/{row.split('|')[0]}/1/": "" for row in rows[1:]}
    return lay(folder / "phoenix2014-release", files)


def test_one_listing_of_the_real_tables_has_both_divisions(shared: Path, tmp_path: Path, lay: Lay, read: Read) -> None:
    """SI5's tables are made of the real ones by their signers. Each clip is listed once."""
    listing = read("phoenix2014", release(shared, tmp_path, lay))
    assert list(listing.divisions) == ["multisigner", "si5"]
    counts = {division: Counter(splits.values()) for division, splits in listing.divisions.items()}
    assert counts == find_corpus("phoenix2014").counts
    ids = [clip.id for clip in listing.clips]
    assert len(ids) == len(set(ids)) and set(ids) == set(listing.divisions["multisigner"])
    signer = {clip.id: clip.signer for clip in listing.clips}
    si5 = listing.divisions["si5"]
    signers = {split: {signer[clip] for clip, of in si5.items() if of == split} for split in ("train", "dev", "test")}
    assert (len(signers["train"]), signers["dev"], signers["test"]) == (8, {"Signer05"}, {"Signer05"})
    assert len(listing.tables) == 6

    train = [clip for clip in listing.clips if listing.divisions["multisigner"][clip.id] == "train"]
    assert len({gloss for clip in train for gloss in clip.glosses}) == 1231
    text = (shared / "data" / "phoenix2014" / "train.corpus.csv").read_text(encoding="utf-8")
    assert [" ".join(clip.glosses) for clip in train] == [
        re.sub(" +", " ", line.rsplit("|", 1)[1]).strip(" ") for line in text.split("\n")[1:-1]
    ]
    assert all((clip.source.root / clip.source.path).is_dir() for clip in listing.clips)


def test_si5_with_frames_of_its_own(shared: Path, tmp_path: Path, lay: Lay, read: Read) -> None:
    given = release(shared, tmp_path, lay, 60)
    (given / "phoenix-2014-multisigner" / "features").rename(given / SI5 / "features")
    listing = read("phoenix2014", given / SI5)
    clip = listing.clips[0]
    assert list(listing.divisions) == ["si5"]
    assert clip.source.root / clip.source.path == given / SI5 / FEATURES / "train" / clip.id / "1"
    (given / SI5 / "features").rename(tmp_path / "gone")
    with pytest.raises(SlaError, match="frames of train are missing"):
        read("phoenix2014", given / SI5)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("|Signer01|", "|Signer02|", r"si5 has another signer or other glosses in train\.corpus\.csv, line 2"),
        ("|HEUTE ", "|GESTERN ", r"si5 has another signer or other glosses in train\.corpus\.csv, line 2"),
        ("default-2|", "default-0|", r"train\.SI5\.corpus\.csv, line 3: clip .*default-0 is listed twice"),
    ],
)
def test_two_tables_that_contradict_each_other(
    root: Path, lay: Lay, read: Read, old: str, new: str, message: str
) -> None:
    lay(root, {"annotations/manual/train.SI5.corpus.csv": table(root).read_text(encoding="utf-8")})
    assert list(read("phoenix2014", root).divisions) == ["multisigner", "si5"]
    edit(table(root, "train.SI5"), old, new)
    with pytest.raises(SlaError, match=message):
        read("phoenix2014", root)
