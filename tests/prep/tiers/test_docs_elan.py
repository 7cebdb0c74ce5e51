"""docs/elan.md says what is done: its tables are those of the code, its example is read."""

from __future__ import annotations

from pathlib import Path

from elan_files import Eaf

from sla_cli.artifact.table import COLUMNS
from sla_cli.prep.corpora import find_corpus
from sla_cli.prep.tiers.choose import SCHEMES, TierOptions

PAGE = (Path(__file__).parents[3] / "docs" / "elan.md").read_text(encoding="utf-8")


def rows(header: str) -> list[list[str]]:
    lines = PAGE.split(f"| {header} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines]


def test_the_conventions_are_those_that_are_known() -> None:
    page = rows("convention")
    assert [row[0] for row in page] == [scheme.name for scheme in SCHEMES]
    for row, scheme in zip(page, SCHEMES, strict=True):
        assert row[1] in (", ".join(scheme.glosses), "the cues")
        assert row[2] == scheme.translation


def test_the_columns_are_those_that_are_read() -> None:
    for name, others, _ in rows("column"):
        assert COLUMNS[name] == (name, *filter(None, others.split(", ")))


def test_the_table_of_the_page_is_read(tmp_path: Path) -> None:
    (tmp_path / "files.tsv").write_text(PAGE.split("```tsv\n")[1].split("```")[0])
    for path, people in (("monday/rec01", "AB"), ("monday/rec02", "AB"), ("tuesday/rec03", "A")):
        eaf = Eaf()
        for person in people:
            eaf.tier(f"Lexem_Gebärde_r_{person}")
            eaf.mark(f"Lexem_Gebärde_r_{person}", 0, 500, person)
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / f"{path}.eaf").write_text(eaf.xml(), encoding="utf-8")
        (tmp_path / f"{path}.mp4").touch()
    corpus = find_corpus("elan")
    listing = corpus.read(corpus.open(tmp_path / "files.tsv", None), TierOptions())
    splits = listing.divisions["corpus"]
    assert [(clip.id, splits[clip.id], clip.signer) for clip in listing.clips] == [
        ("rec01_A_0-0.5", "train", "S01"),
        ("rec01_B_0-0.5", "train", "S02"),
        ("rec02_A_0-0.5", "train", "S03"),
        ("rec02_B_0-0.5", "train", "S01"),
        ("rec03_0-0.5", "test", "S04"),
    ]
