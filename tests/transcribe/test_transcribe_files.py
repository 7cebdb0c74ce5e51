"""Recordings that another process transcribes at the same time."""

from __future__ import annotations

from pathlib import Path

from annotation_files import write_annotation
from recordings import copy_run, signed
from transcripts import transcript

from sla_cli.annotation.eaf_edit import add_to
from sla_cli.annotation.layout import Layout
from sla_cli.artifact.lock import locked
from sla_cli.transcribe.recognizer import Recognizer
from sla_cli.transcribe.transcribe_files import FileOptions, transcribe_files


def test_what_another_process_transcribes_comes_last_and_is_not_made_again(tmp_path: Path) -> None:
    """So several processes, on several machines too, share the recordings of one folder."""
    copy_run(tmp_path)
    videos, out = tmp_path / "mine", tmp_path / "out"
    videos.mkdir()
    for name, text in (("a", "NORD REGEN"), ("b", "SONNE")):
        signed(videos / f"{name}.mkv", text)
    outcomes = transcribe_files(
        [videos], out, ["eaf"], FileOptions(1.0), lambda: Recognizer.open(tmp_path / "old/runs/adapter", device="cpu")
    )
    with locked(out / ".a.lock", "of the other process"):
        made = next(outcomes)
        assert made.files == (out / "b.eaf",)
        (out / "a.eaf").write_text("made by the other process")
        (out / ".a.lock" / ".lock").unlink()
        (out / ".a.lock").rmdir()
    [other] = outcomes
    assert (other.recording, other.files, other.error) == (str(videos / "a.mkv"), (), None)
    assert (out / "a.eaf").read_text() == "made by the other process"
    assert sorted(path.name for path in out.iterdir()) == ["a.eaf", "b.eaf"]


def test_an_elan_file_to_which_another_process_adds_comes_last_too(tmp_path: Path) -> None:
    run, elan = copy_run(tmp_path), tmp_path / "mine"
    elan.mkdir()
    for name in ("a", "b"):
        signed(elan / f"{name}.mkv", "SONNE")
        write_annotation(elan / f"{name}.eaf", "eaf", transcript(), Layout(tier="mine"))
    options = FileOptions(1.0, add_to=elan)
    outcomes = transcribe_files([elan], None, [], options, lambda: Recognizer.open(run, device="cpu"))
    with locked(elan / ".a.lock", "of the other process"):
        assert next(outcomes).files == (elan / "b.eaf",)
        add_to(elan / "a.eaf", transcript(), options.layout, replace=False)
        made = (elan / "a.eaf").read_bytes()
        (elan / ".a.lock" / ".lock").unlink()
        (elan / ".a.lock").rmdir()
    [other] = outcomes
    assert (other.recording, other.files, other.error) == (str(elan / "a.mkv"), (), None)
    assert (elan / "a.eaf").read_bytes() == made
    assert not list(elan.glob(".*"))
