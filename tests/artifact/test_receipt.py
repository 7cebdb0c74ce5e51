"""Receipts record how an artifact was made, and whether it would be the same if made again."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import sla_cli
from sla_cli.artifact.receipt import (
    Receipt,
    already_made,
    check_unchanged,
    digest_file,
    read_receipt,
    receipt_path,
    write_receipt,
)
from sla_cli.cli.main import app
from sla_cli.core.digest import digest_json
from sla_cli.errors import FormatError, ReadError, SlaError
from sla_cli.work.making import making
from sla_cli.work.output import check_folder

texts = st.text(st.characters(codec="utf-8"), max_size=6)
values = st.one_of(st.integers(-9, 9), st.floats(allow_nan=False), texts, st.booleans(), st.lists(st.integers()))
MADE = {"stage": "prep", "arguments": {"size": 256, "source": "/data"}, "inputs": {"train.csv": "ab12"}, "seed": 3}


def receipt(**changes: Any) -> Receipt:
    return Receipt(**{**MADE, **changes})


def test_reads_back_what_was_written(tmp_path: Path) -> None:
    written = receipt(results={"skipped": {"clip-1": "zu kurz für 16 Glossen"}})
    write_receipt(written, tmp_path)
    again = read_receipt(tmp_path)
    assert again == written
    assert again.started <= again.finished
    assert again.seconds >= 0
    assert {"sla", "python", "numpy", "torch", "revision"} <= again.environment.keys()


@given(st.dictionaries(texts, values, max_size=4))
def test_the_order_of_arguments_and_the_time_do_not_matter(arguments: dict[str, Any]) -> None:
    backwards = dict(reversed(arguments.items()))
    one, two = Receipt("prep", arguments, {}), Receipt("prep", backwards, {}, results={"x": 1}, started="2020-01-01")
    assert one.fingerprint == two.fingerprint
    assert Receipt("prep", json.loads(json.dumps(arguments)), {}).fingerprint == one.fingerprint


def test_tuples_are_what_json_makes_of_them() -> None:
    assert receipt(arguments={"m": (1, 2)}).fingerprint == receipt(arguments={"m": [1, 2]}).fingerprint


@pytest.mark.parametrize(
    "changes",
    [
        {"stage": "train"},
        {"seed": None},
        {"arguments": {"size": 255, "source": "/data"}},
        {"arguments": {"size": "256", "source": "/data"}},
        {"arguments": {"size": 256}},
        {"inputs": {"train.csv": "ab13"}},
        {"inputs": {"train.csv": "ab12", "dev.csv": "ab12"}},
    ],
)
def test_any_other_setting_or_input_is_another_fingerprint(tmp_path: Path, changes: dict[str, Any]) -> None:
    write_receipt(receipt(), tmp_path)
    other = receipt(**changes)
    assert other.fingerprint != receipt().fingerprint
    with pytest.raises(SlaError, match="other settings or inputs"):
        already_made(tmp_path, other, force=False)
    assert already_made(tmp_path, other, force=True) is None


@pytest.mark.parametrize("stage", ["prep phoenix2014", "emit", "decode", "align", "lm estimate"])
def test_the_way_out_that_a_refusal_names_is_an_option_of_the_command(tmp_path: Path, stage: str) -> None:
    name = stage.removesuffix(" phoenix2014").removesuffix(" estimate")
    write_receipt(receipt(stage=name), tmp_path)
    with pytest.raises(SlaError) as caught:
        already_made(tmp_path, receipt(stage=name, seed=None), force=False)
    option = re.findall(r" (--?\w+)", caught.value.hint)[-1]
    assert re.search(rf"{option}\b", CliRunner().invoke(app, [*stage.split(), "--help"]).stdout)


def test_a_refusal_lists_every_difference(tmp_path: Path) -> None:
    write_receipt(receipt(), tmp_path)
    other = receipt(arguments={"size": 64, "source": "/data", "fit": "pad"}, inputs={"train.csv": "ff"}, seed=None)
    with pytest.raises(SlaError) as caught:
        already_made(tmp_path, other, force=False)
    for text in ("size was 256, now 64", "fit was None, now 'pad'", "train.csv was 'ab12', now 'ff'", "seed was 3"):
        assert text in caught.value.message
    assert "source" not in caught.value.message
    assert "--force" in caught.value.hint


def test_a_refusal_says_that_nothing_but_the_fingerprint_differs(tmp_path: Path) -> None:
    write_receipt(receipt(fingerprint="ab"), tmp_path)
    with pytest.raises(SlaError, match="settings or inputs: fingerprint was ab, now"):
        already_made(tmp_path, receipt(), force=False)


def test_the_same_again_is_already_made(tmp_path: Path) -> None:
    assert already_made(tmp_path, receipt(), force=False) is None
    write_receipt(receipt(results={"clips": 3}), tmp_path)
    old = already_made(tmp_path, receipt(), force=False)
    assert old is not None
    assert old.results == {"clips": 3}


def test_a_receipt_whose_file_was_deleted_is_not_in_the_way(tmp_path: Path) -> None:
    path = tmp_path / "hyp.tsv"
    path.write_text("text")
    write_receipt(receipt(seed=7), path)
    with pytest.raises(SlaError, match=r"hyp\.tsv exists and was made with other settings or inputs: seed was 7"):
        already_made(path, receipt(), force=False)
    path.unlink()
    assert already_made(path, receipt(), force=False) is None


@pytest.mark.parametrize("name", ["hyp.tsv", "hyp", "no.suffix.at.all", ".hidden"])
def test_a_file_has_its_receipt_beside_it_whatever_its_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("text")
    write_receipt(receipt(), tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, f"{name}.receipt.json"])
    assert read_receipt(tmp_path / name) is not None


@pytest.mark.parametrize("name", ["phoenix2014", "lr-0.5", ".hidden"])
def test_a_folder_has_its_receipt_inside(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert receipt_path(tmp_path / name) == tmp_path / name / "receipt.json"


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'"text"', b'{"version": 1}', b'{"version": 1, "stage": "prep", "x": 1}', b"\xff\xfe"],
)
def test_what_is_no_receipt_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "receipt.json").write_bytes(content)
    with pytest.raises(FormatError, match=r"receipt\.json: not a receipt") as caught:
        already_made(tmp_path, receipt(), force=False)
    assert caught.value.message.count("receipt.json") == 1
    assert "Delete it" in caught.value.hint
    assert already_made(tmp_path, receipt(), force=True) is None, "what is replaced need not be readable"


def test_one_that_cannot_be_read_now_is_not_to_be_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_receipt(receipt(), tmp_path)

    def refused(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("sla_cli.artifact.text.read_regular", refused)
    with pytest.raises(ReadError, match=r"cannot read .*receipt\.json: Permission denied") as caught:
        already_made(tmp_path, receipt(), force=False)
    assert "elete" not in caught.value.hint
    check_folder(tmp_path / "new")  # that of another user in a folder above is no obstacle
    with making(tmp_path, receipt(), force=True) as artifact:
        artifact.begin()  # it is replaced


def test_a_folder_in_place_of_a_receipt_is_named_once(tmp_path: Path) -> None:
    (tmp_path / "receipt.json").mkdir()
    with pytest.raises(FormatError, match=r"receipt\.json: not a receipt \(Is a directory\)"):
        read_receipt(tmp_path)


@pytest.mark.parametrize(("stage", "command"), [("lm", "sla lm estimate"), ("export", "sla store export")])
def test_a_stage_is_named_by_its_command(tmp_path: Path, stage: str, command: str) -> None:
    """`sla export` is another command."""
    write_receipt(Receipt(stage, {}, {}), tmp_path)
    with pytest.raises(FormatError, match=f"is of `{command}`, not of `sla prep`"):
        read_receipt(tmp_path, "prep")
    assert f"made by {command} on" in CliRunner().invoke(app, ["info", str(tmp_path / "receipt.json")]).stdout


def test_another_version_is_named(tmp_path: Path) -> None:
    write_receipt(receipt(), tmp_path)
    path = tmp_path / "receipt.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 7'))
    with pytest.raises(FormatError, match="receipt version 7, this sla reads version 1") as caught:
        read_receipt(tmp_path)
    assert re.search("newer sla.*sla prep", caught.value.hint)


def test_digest_of_a_file_sees_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "large"
    data = bytearray(os.urandom((2 << 20) + 3))
    digests = set()
    for place in (None, 0, 1 << 20, len(data) - 1):
        if place is not None:
            data[place] ^= 1
        path.write_bytes(data)
        digests.add(digest_file(path))
    assert len(digests) == 4
    with pytest.raises(SlaError, match="cannot read"):
        digest_file(tmp_path / "none")


def test_the_revision_is_slas_own_not_that_of_a_repository_it_is_installed_in(tmp_path: Path) -> None:
    git = shutil.which("git")
    if git is None:
        pytest.skip("no git")
    site = tmp_path / "venv" / "site-packages"
    package = Path(sla_cli.__file__).parent
    shutil.copytree(package, site / "sla_cli", ignore=shutil.ignore_patterns("__pycache__"))
    author = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run([git, "init", "-q", tmp_path], check=True)
    subprocess.run([git, "-C", tmp_path, *author, "commit", "-q", "--allow-empty", "-m", "mine"], check=True)
    code = "import sla_cli, sla_cli.artifact.receipt as r; print(sla_cli.__file__, r.environment()['revision'])"
    command, environment = [sys.executable, "-c", code], {**os.environ, "PYTHONPATH": str(site)}
    answer = subprocess.run(command, cwd=site, env=environment, capture_output=True, text=True, check=True)
    assert answer.stdout.split() == [str(site / "sla_cli" / "__init__.py")]


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    artifact = tmp_path / "x.tsv"
    write_receipt(
        Receipt("decode", {"beam": 3}, {"emissions": "ab"}, seed=1, results={"wer": 12.5, "ä": None}), artifact
    )
    path = receipt_path(artifact)
    good = path.read_bytes()
    assert read_receipt(artifact) is not None
    for bit in range(0, 8 * len(good), 7):
        changed = bytearray(good)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        with pytest.raises(FormatError, match="Delete it"):
            read_receipt(artifact)


@pytest.mark.parametrize(
    ("stage", "results"),
    [
        *(("prep", {"divisions": value}) for value in (5, None, "abc", [1], {"x": 3}, {"x": {"clips": {"dev": "y"}}})),
        *(("merge", {name: value}) for name in ("skipped", "failed", "incomplete") for value in (3, "abc", {"c": 1})),
        *(("prep", results) for results in ({"files": 3}, {"files": [3]}, {"clips": "x"})),
        *((stage, {"digest": 5}) for stage in ("emit", "decode", "align", "lm")),
        *((stage, {"digests": ["x"]}) for stage in ("score", "tune")),
        *(("train", results) for results in ({"best_epoch": "x"}, {"dev_wer": None})),
    ],
)
def test_results_of_another_type_than_is_read_from_them(tmp_path: Path, stage: str, results: dict[str, Any]) -> None:
    """With the right checksum, as in a receipt that somebody has forged."""
    write_receipt(Receipt(stage, {}, {}, results=results), tmp_path)
    with pytest.raises(FormatError, match=r"receipt\.json: not a receipt \(results: Expected"):
        read_receipt(tmp_path)


@pytest.mark.parametrize("field", ["started", "finished"])
@pytest.mark.parametrize("time", ["yesterday", "a\x1b[31mb"])
def test_times_that_are_none(tmp_path: Path, field: str, time: str) -> None:
    write_receipt(receipt(), tmp_path)
    path = tmp_path / "receipt.json"
    facts = json.loads(path.read_text()) | {field: time}
    facts["checksum"] = digest_json({name: value for name, value in facts.items() if name != "checksum"})
    path.write_text(json.dumps(facts))
    with pytest.raises(FormatError, match=rf"receipt\.json: not a receipt \({field}: no time: ") as caught:
        read_receipt(tmp_path)
    assert "\x1b" not in caught.value.message


def test_a_receipt_without_the_digest_of_its_file_vouches_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.tsv"
    write_receipt(Receipt("decode", {}, {}), path)
    path.write_text("x")
    with pytest.raises(FormatError, match="damaged or was edited"):
        check_unchanged(path, digest_file(path))


def test_names_of_files_whose_bytes_are_no_utf8_come_back(tmp_path: Path) -> None:
    """As from an old disk in Latin-1; they are escapes in the file, which is UTF-8."""
    name = os.fsdecode(b"Geb\xe4rden")
    written = receipt(sources={"source": name}, arguments={"source": name}, results={"skipped": {"clip-1": name}})
    write_receipt(written, tmp_path)
    found = read_receipt(tmp_path)
    assert found == written and found is not None and os.fsencode(found.sources["source"]) == b"Geb\xe4rden"
    receipt_path(tmp_path).read_bytes().decode()
