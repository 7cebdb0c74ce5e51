"""examples/rename_glosses.py: copies of ELAN files by the rules that docs/elan.md shows, read by pympi."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pympi
import pytest
from elan_files import Eaf

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))

import rename_glosses

from sla_cli.annotation.eaf_read import read_eaf

PAGE = (Path(__file__).parents[1] / "docs" / "elan.md").read_text(encoding="utf-8")
GIVEN = ["PT:PRO1SG", "DS(BODY)", "?", "HOUSE1A", "HOUSE1", "DEAF"]
RENAMED = ["PT", "DS", "", "HOUSE1", "HOUSE1", "DEAF"]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: Path | str) -> None:
    monkeypatch.setattr(sys, "argv", ["rename_glosses.py", *map(str, arguments)])
    rename_glosses.main()


def glosses(path: Path, tier: str) -> list[str]:
    return [mark[2] for mark in sorted(pympi.Elan.Eaf(path).get_annotation_data_for_tier(tier))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "recordings" / "monday").mkdir(parents=True)
    written = pympi.Elan.Eaf()
    for tier in ("RH-IDgloss", "RH-IDgloss_B", "Free Translation"):
        written.add_tier(tier)
        for number, gloss in enumerate(GIVEN):
            written.add_annotation(tier, 1000 * number, 1000 * number + 500, gloss)
    path = tmp_path / "recordings" / "monday" / "rec.eaf"
    written.to_file(path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("<ALIGNABLE_ANNOTATION ", '<ALIGNABLE_ANNOTATION CVE_REF="c" '), encoding="utf-8")
    shown = next(block for block in re.findall(r"^```tsv\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE) if "PT:" in block)
    (tmp_path / "rules.tsv").write_text(shown, encoding="utf-8")
    return tmp_path


def test_glosses_of_the_named_tiers_get_the_names_of_the_rules(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original = folder / "recordings" / "monday" / "rec.eaf"
    before = original.read_bytes()
    run(monkeypatch, folder / "recordings", folder / "renamed", folder / "rules.tsv", "RH-IDgloss*")
    copy = folder / "renamed" / "monday" / "rec.eaf"
    assert glosses(copy, "RH-IDgloss") == glosses(copy, "RH-IDgloss_B") == RENAMED
    assert glosses(copy, "Free Translation") == GIVEN
    assert copy.read_text(encoding="utf-8").count("CVE_REF") == 2 * RENAMED.count("DEAF") + 2 + len(GIVEN)
    assert original.read_bytes() == before
    read = {tier.name: tier.marks for tier in read_eaf(copy.read_bytes(), "copy").tiers}
    assert [mark.gloss for mark in read["RH-IDgloss"]] == RENAMED
    assert "2\tHOUSE1A\tHOUSE1" in capsys.readouterr().out.splitlines()


def test_rules_are_for_glosses_as_prep_reads_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    eaf = Eaf(types={"gloss": ("", "CV")}, vocabulary={"e1": {"": "POINT"}, "e2": {"": "HAUS"}})
    eaf.tier("RH-IDgloss")
    for number, (value, entry) in enumerate([("", "e1"), ("", "e2"), ("PT 1", ""), ("", "")]):
        eaf.mark("RH-IDgloss", 1000 * number, 1000 * number + 500, value, entry)
    (folder / "recordings" / "monday" / "rec.eaf").write_text(eaf.xml(), encoding="utf-8")
    (folder / "rules.tsv").write_text("POINT\t\nPT-1\tPT\n()\tX\n", encoding="utf-8")
    run(monkeypatch, folder / "recordings", folder / "renamed", folder / "rules.tsv", "RH-IDgloss")
    (tier,) = read_eaf((folder / "renamed" / "monday" / "rec.eaf").read_bytes(), "copy").tiers
    assert [mark.gloss for mark in tier.marks] == ["", "HAUS", "PT", ""]


def test_a_translation_keeps_its_spaces(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    eaf = Eaf()
    eaf.mark(eaf.tier("Translation"), 0, 500, "Then Anna went home, with  Bo")
    (folder / "recordings" / "monday" / "rec.eaf").write_text(eaf.xml(), encoding="utf-8")
    (folder / "rules.tsv").write_text("(.*)Anna(.*)\t\\1NAME-1\\2\n", encoding="utf-8")
    run(monkeypatch, folder / "recordings", folder / "renamed", folder / "rules.tsv", "Translation")
    copy = folder / "renamed" / "monday" / "rec.eaf"
    assert [mark.text for mark in read_eaf(copy.read_bytes(), "copy").tiers[0].marks] == [
        "Then NAME-1 went home, with Bo"
    ]


def test_a_copy_among_the_originals_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="2"):
        run(monkeypatch, folder / "recordings", folder / "recordings" / "copy", folder / "rules.tsv", "RH-IDgloss")


def test_a_damaged_file_costs_no_other(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "recordings" / "a.eaf").write_text("<xml", encoding="utf-8")
    with pytest.raises(SystemExit, match="2"):
        run(monkeypatch, folder / "recordings", folder / "renamed", folder / "rules.tsv", "RH-IDgloss")
    assert "a.eaf: left out" in capsys.readouterr().err
    assert [path.name for path in (folder / "renamed").rglob("*.eaf")] == ["rec.eaf"]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("DEAF\tX\n(\tY\n", r"rules.tsv: line 2: '(\tY' is not a rule: missing )"),
        ("(A)\t\\9", "line 1: '(A)\\t\\\\9' is not a rule: invalid group reference 9"),
        ("(A)\t\\g<x>", "is not a rule: unknown group name 'x'"),
        ("M\xdcLL\tM\n", "rules.tsv, line 1: not UTF-8 text"),
    ],
)
def test_a_rule_that_is_none_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rules: str, message: str
) -> None:
    (folder / "rules.tsv").write_text(rules, encoding="latin-1")
    with pytest.raises(SystemExit, match="2"):
        run(monkeypatch, folder / "recordings", folder / "renamed", folder / "rules.tsv", "RH-IDgloss")
    assert message in capsys.readouterr().err
    assert not (folder / "renamed").exists()


def test_a_folder_that_is_there_is_not_written_into(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = folder / "renamed" / "monday" / "rec.eaf"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("mine", encoding="utf-8")
    with pytest.raises(SystemExit, match="2"):
        run(monkeypatch, folder / "recordings", folder / "renamed", folder / "rules.tsv", "RH-IDgloss")
    assert theirs.read_text(encoding="utf-8") == "mine"


def test_all_files_and_tiers_that_prep_takes_are_renamed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = folder / "recordings" / "monday" / "rec.eaf"
    original.rename(original.with_suffix(".EAF"))
    run(monkeypatch, folder / "recordings", folder / "renamed", folder / "rules.tsv", "rh-idgloss")
    copy = folder / "renamed" / "monday" / "rec.EAF"
    assert (glosses(copy, "RH-IDgloss"), glosses(copy, "RH-IDgloss_B")) == (RENAMED, GIVEN)


@pytest.mark.parametrize(
    ("place", "tier", "message"),
    [
        ("recordingz", "RH-IDgloss", "recordingz is not a folder with ELAN files"),
        ("recordings/monday/rec.eaf", "RH-IDgloss", "is not a folder with ELAN files"),
        ("recordings", "NoSuchTier", "no file has a tier NoSuchTier"),
    ],
)
def test_what_is_not_there_is_named(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    place: str,
    tier: str,
    message: str,
) -> None:
    with pytest.raises(SystemExit, match="2"):
        run(monkeypatch, folder / place, folder / "renamed", folder / "rules.tsv", "RH-IDgloss_B", tier)
    assert message in capsys.readouterr().err
    assert not (folder / "renamed").exists()
