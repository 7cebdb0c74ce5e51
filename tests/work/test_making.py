"""What every stage does around its own work: what is there is taken or refused, and the receipt is written last."""

from __future__ import annotations

import os
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sla_cli.artifact.receipt import Receipt, digest_file, read_receipt, receipt_path
from sla_cli.errors import FormatError, SlaError
from sla_cli.system.atomic import temporary_path, write_text
from sla_cli.work.alignment import COLUMNS, write_alignment
from sla_cli.work.kind import ALIGNMENT
from sla_cli.work.making import making


def make(path: Path, beam: int = 1, **options: Any) -> bool:
    """Whether the file was made."""
    with making(path, Receipt("align", {"beam": beam}, {}), **{"force": False, "kind": ALIGNMENT, **options}) as made:
        if made.there is not None:
            return False
        made.begin()
        path.write_text(f"# sla-alignment 1\nbeam {beam}\n")
        made.results = {"clips": beam}
    return True


def test_what_is_there_is_not_made_again_but_becomes_the_newest(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    assert make(path)
    first = read_receipt(path)
    assert not make(path)
    again = read_receipt(path)
    assert first is not None and again is not None
    assert first.results == again.results and {"clips", "digest"} == first.results.keys()
    assert again.finished > first.finished
    assert make(path, force=True)


def test_what_a_process_left_that_was_killed_when_the_file_had_its_name_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    for made in (True, False):
        temporary = temporary_path(path)
        temporary.with_name(temporary.name.replace(f"-{os.getpid()}-", f"-{2**22 + 1}-")).touch()
        assert make(path, keep=True) is made
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.tsv", "a.tsv.receipt.json"]


def test_other_settings_are_refused_with_their_difference_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    make(path)
    with pytest.raises(SlaError, match="made with other settings or inputs: beam was 1, now 2"):
        make(path, 2)
    assert "beam 1" in path.read_text()
    assert make(path, 2, force=True)


def test_a_changed_file_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    make(path)
    path.write_text("# sla-alignment 1\nmine\n")
    with pytest.raises(FormatError, match="is damaged or was edited"):
        make(path)
    path.unlink()
    assert make(path)


def test_a_file_that_the_user_named_is_not_replaced_without_a_receipt(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("mine")
    with pytest.raises(SlaError, match=r"a\.tsv is not a file of the kind 'alignment'"):
        make(path, keep=True)
    with pytest.raises(SlaError, match="would replace an input"):
        make(path, inputs=(path,), force=True)
    with pytest.raises(SlaError, match=r"a\.tsv is not a file"):
        make(path, force=True)
    assert path.read_text() == "mine"


MADE = "# sla-alignment 1\nsomebody's\n"
WRITTEN = "# sla-alignment 1\n{}\n".format("\t".join(COLUMNS))  # an alignment of no clips


@pytest.mark.parametrize(
    ("there", "meanwhile", "options", "error"),
    [
        ("", "mine", {}, "is not a file of the kind"),
        ("", "mine", {"force": True}, "is not a file of the kind"),
        ("", MADE, {"keep": True}, "exists"),
        ("", MADE, {"force": True}, ""),
        (MADE, "", {"force": True}, ""),
        (MADE, "mine", {"force": True}, "is not a file of the kind"),
        ("", WRITTEN, {"force": True}, ""),  # by the same command, which runs twice at once
    ],
)
@pytest.mark.parametrize("begun", [False, True])
def test_a_file_that_somebody_makes_meanwhile_is_kept(
    tmp_path: Path, there: str, meanwhile: str, options: dict[str, bool], error: str, begun: bool
) -> None:
    path = tmp_path / "a.tsv"
    if there:
        path.write_text(there)
    with (
        pytest.raises(SlaError, match=error) if error else nullcontext(),
        making(path, Receipt("align", {}, {}), **{"force": False, "kind": ALIGNMENT, **options}) as made,
    ):
        if begun:
            made.begin()
        if meanwhile:
            path.unlink(missing_ok=True)
            path.write_text(meanwhile)
        if not begun:
            made.begin()
        write_alignment(path, [], {}, check=made.check)
    assert path.read_text() == (meanwhile if error else WRITTEN)
    assert (tmp_path / "a.tsv.~1~").exists() == (not error and MADE in {there, meanwhile})


def test_a_receipt_names_no_input_that_was_replaced_meanwhile(tmp_path: Path) -> None:
    path, model = tmp_path / "a.tsv", tmp_path / "gloss.arpa"
    model.write_text("one")
    options = {"kind": ALIGNMENT, "inputs": (model, None), "force": False}
    with (
        pytest.raises(SlaError, match=r"gloss\.arpa was changed while it was used"),
        making(path, Receipt("decode", {}, {"lm": "digest of one"}), **options) as made,
    ):
        model.write_text("two")
        os.utime(model, ns=(1, 1))
        made.begin()
    assert not path.exists() and not receipt_path(path).exists()


def test_a_damaged_file_of_ones_own_is_replaced_with_force(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    make(path)
    path.write_text("damaged")  # only the receipt tells what it was
    with making(path, Receipt("align", {}, {}), kind=ALIGNMENT, force=True) as made:
        made.begin()
        write_alignment(path, [], {}, check=made.check)
    assert path.read_text().startswith("# sla-alignment 1")


@pytest.mark.parametrize(
    ("there", "receipt", "kept"),
    [
        (None, True, False),  # as it was made
        (MADE, True, True),
        (MADE, False, True),
        ("a picture", True, True),
        ("# sla-alignment 1\nbeam 2\n", False, False),  # what is written again
    ],
)
def test_a_copy_is_kept_of_what_is_not_as_its_receipt_says(
    tmp_path: Path, there: str | None, receipt: bool, kept: bool
) -> None:
    path, copy = tmp_path / "a.tsv", tmp_path / "a.tsv.~1~"
    make(path)
    if there is not None:
        path.write_text(there)
    if not receipt:
        receipt_path(path).unlink()
    with making(path, Receipt("align", {"beam": 2}, {}), kind=ALIGNMENT, force=True) as made:
        made.begin()
        write_text(path, "# sla-alignment 1\nbeam 2\n", check=made.check)
        made.results = {}
    assert copy.exists() == kept
    assert not kept or copy.read_text() == there


@pytest.mark.parametrize("begun", [False, True])
def test_a_file_of_somebody_that_appears_where_the_receipt_will_be_stays(tmp_path: Path, begun: bool) -> None:
    path = tmp_path / "a.tsv"
    with (
        pytest.raises(FormatError, match="not a receipt"),
        making(path, Receipt("align", {}, {}), kind=ALIGNMENT, force=True) as made,
    ):
        if begun:
            made.begin()
        receipt_path(path).write_text("mine")
        if not begun:
            made.begin()
        write_text(path, MADE, check=made.check)
        made.results = {}
    assert receipt_path(path).read_text() == "mine"


@pytest.mark.parametrize("link", [False, True])
def test_a_file_that_another_command_replaces_before_the_receipt_keeps_the_others_receipt(
    tmp_path: Path, link: bool
) -> None:
    path, receipt = tmp_path / "a.tsv", Receipt("align", {"beam": 1}, {})
    if link:
        path.symlink_to("elsewhere.tsv")
        path.resolve().touch()
    with (
        pytest.raises(SlaError, match=r"a\.tsv was replaced or removed by another program"),
        making(path, receipt, kind=ALIGNMENT, force=True) as made,
    ):
        made.begin()
        write_alignment(path, [], {}, check=made.check)
        make(path, 2, force=True)
        made.results = {}
    assert not make(path, 2)
    with making(path, receipt, kind=ALIGNMENT, force=True) as made:  # the same content is no other file
        made.begin()
        write_alignment(path, [], {}, check=made.check)
        write_alignment(path, [], {})
        made.results = {}
    assert not make(path, 1)


@pytest.mark.parametrize(("begun", "written"), [(False, False), (True, False), (True, True)])
def test_after_an_exception_only_a_file_that_was_not_replaced_has_a_receipt(
    tmp_path: Path, begun: bool, written: bool
) -> None:
    path = tmp_path / "a.tsv"
    make(path)
    before = receipt_path(path).read_bytes()
    with pytest.raises(KeyboardInterrupt), making(path, Receipt("align", {}, {}), kind=ALIGNMENT, force=True) as made:
        if begun:
            made.begin()
        if written:
            write_text(path, MADE, check=made.check)
        made.results = {"clips": 2}
        raise KeyboardInterrupt
    assert receipt_path(path).exists() == (not written)
    assert written or receipt_path(path).read_bytes() == before


def test_a_receipt_comes_back_also_if_nothing_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tsv"
    make(path)
    before = receipt_path(path).read_bytes()

    def refuse(*_: object, **__: object) -> None:
        raise SlaError("the disk is full")

    monkeypatch.setattr("sla_cli.artifact.receipt.write_text", refuse)
    with (
        pytest.raises(SlaError, match="is full"),
        making(path, Receipt("align", {}, {}), kind=ALIGNMENT, force=True) as made,
    ):
        made.begin()
        refuse()
    assert receipt_path(path).read_bytes() == before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.tsv", "a.tsv.receipt.json"]


def test_a_folder_is_taken_if_it_is_whole(tmp_path: Path) -> None:
    folder, receipt = tmp_path / "export", Receipt("export", {}, {})
    with making(folder, receipt, force=False) as made:
        folder.mkdir()
        made.results = {}
    with making(folder, receipt, force=False, is_whole=lambda _: True) as made:
        assert made.there is not None
    with making(folder, receipt, force=False, is_whole=lambda _: False) as made:
        assert made.there is None


@pytest.mark.parametrize("changed", [False, True])
def test_a_folder_keeps_its_receipt_if_making_it_again_fails_before_it_changes(tmp_path: Path, changed: bool) -> None:
    folder, receipt = tmp_path / "score", Receipt("score", {}, {})
    for failing in (False, True):
        with suppress(OSError), making(folder, replace(receipt), force=True) as made:
            made.begin()
            if failing:
                if changed:
                    write_text(folder / "figures.json", "other")
                raise OSError("the disk is full")
            write_text(folder / "figures.json", "{}")
            made.results = {"digests": {"figures.json": digest_file(folder / "figures.json")}}
    assert (read_receipt(folder) is None) == changed
    receipt_path(folder).write_bytes(b"\xff\xfe{")  # damaged: made again
    with making(folder, replace(receipt), force=True) as made:
        made.begin()
        made.results = {}
    assert read_receipt(folder) is not None


@pytest.mark.parametrize("name", ["out", "out.tsv"])
@pytest.mark.parametrize("folder", [False, True])
def test_what_has_the_name_of_the_receipt_is_said_before_the_file_is_made(
    tmp_path: Path, name: str, folder: bool
) -> None:
    theirs = tmp_path / f"{name}.receipt.json"
    theirs.mkdir() if folder else theirs.write_text("mine")
    with pytest.raises(FormatError, match=r"receipt\.json: not a receipt .*\n.*not from sla, move it"):
        make(tmp_path / name, keep=True)
    assert not (tmp_path / name).exists() and theirs.exists()
