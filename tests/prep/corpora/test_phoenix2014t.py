"""Phoenix2014-T: with or without `1/` in table or folders, with translations, whatever else lies about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sla_cli.errors import SlaError
from sla_cli.prep.corpora import find_corpus
from sla_cli.prep.corpus import Listing

Lay = Callable[..., Path]
Read = Callable[..., Listing]
CORPUS = "PHOENIX-2014-T-release-v3/PHOENIX-2014-T"
FEATURES = f"{CORPUS}/features/fullFrame-210x260px"
HEADER = "name|video|start|end|speaker|orth|translation"


def table(*names: str, inner: str = "") -> str:
    rows = [f"{name}|{name}/{inner}*.png|-1|-1|Signer08|__ON__  NULL GRAD |am  tag null grad " for name in names]
    return "\n".join([HEADER, *rows])


def tables(inner: str = "") -> dict[str, str]:
    folder = f"{CORPUS}/annotations/manual/PHOENIX-2014-T"
    return {f"{folder}.{split}.corpus.csv": table(split, inner=inner) for split in ("train", "dev", "test")}


@pytest.mark.parametrize("in_table", ["", "1/"])
@pytest.mark.parametrize("on_disk", ["", "1/"])
def test_table_and_folders_need_not_agree(tmp_path: Path, lay: Lay, read: Read, in_table: str, on_disk: str) -> None:
    frames = {f"{FEATURES}/{split}/{split}/{on_disk}images0001.png": b"" for split in ("train", "dev", "test")}
    stray = {f"{FEATURES}/dev/createDnnTrainingLabels-profile.py.lprof": b""}
    lay(tmp_path, tables(in_table) | frames | stray)
    for source in (tmp_path, tmp_path / CORPUS, tmp_path / CORPUS.split("/", maxsplit=1)[0]):
        listing = read("phoenix2014t", source)
        assert [clip.id for clip in listing.clips] == ["train", "dev", "test"]
        for clip in listing.clips:
            assert (clip.source.root / clip.source.path / "images0001.png").is_file()
            assert (clip.source.start, clip.source.end) == (None, None)
            assert (clip.signer, clip.glosses) == ("Signer08", ("__ON__", "NULL", "GRAD"))
            assert clip.translation == "am tag null grad"


def test_a_row_with_a_bar_too_many_has_a_line(tmp_path: Path, lay: Lay, read: Read) -> None:
    name = f"{CORPUS}/annotations/manual/PHOENIX-2014-T.train.corpus.csv"
    lay(tmp_path, {name: f"{table('a')}\nb|b/*.png|-1|-1|Signer08|A|B|text\n"})
    with pytest.raises(SlaError, match=r"PHOENIX-2014-T\.train\.corpus\.csv, line 3: 8 fields, but the header has 7"):
        read("phoenix2014t", tmp_path)


def test_the_real_tables_give_the_published_clips(shared: Path, tmp_path: Path, lay: Lay, read: Read) -> None:
    files = tables()
    files[list(files)[2]] = table(*(f"t{n}" for n in range(642)))  # the table of test is not among the shared ones
    for path in list(files)[:2]:
        files[path] = (shared / "data" / "phoenix2014t" / Path(path).name).read_text(encoding="utf-8")
    for path, split in zip(list(files), ("train", "dev", "test"), strict=True):
        files |= {f"{FEATURES}/{split}/{row.split('|')[0]}/": "" for row in files[path].split("\n")[1:] if row}
    listing = read("phoenix2014t", lay(tmp_path, files))
    clips, [splits] = listing.clips, listing.divisions.values()
    by_split = {split: [clip for clip in clips if splits[clip.id] == split] for split in ("train", "dev", "test")}
    assert {split: len(some) for split, some in by_split.items()} == find_corpus("phoenix2014t").counts["corpus"]
    assert len({gloss for clip in by_split["train"] for gloss in clip.glosses}) == 1085
    stm = (shared / "data" / "phoenix2014t" / "phoenix2014-T-groundtruth-dev.stm").read_text(encoding="utf-8")
    assert {(clip.id, clip.glosses) for clip in by_split["dev"]} == {
        (fields[0], tuple(fields[5:])) for fields in map(str.split, stm.splitlines())
    }
    assert by_split["dev"][0].translation == "tiefer luftdruck bestimmt in den nächsten tagen unser wetter"
    assert all((clip.source.root / clip.source.path).is_dir() for clip in clips)
