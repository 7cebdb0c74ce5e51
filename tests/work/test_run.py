"""A run folder: what is fixed for a run reads back, and what is not a run says so."""

from __future__ import annotations

import errno
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from clip_store import bytes_only, one_split

from sla_cli.artifact.receipt import Receipt, write_receipt
from sla_cli.config.presets import PRESETS
from sla_cli.config.settings import resolve
from sla_cli.errors import FormatError, SlaError
from sla_cli.store.clips import Split
from sla_cli.work.run import Run
from sla_cli.work.run_clips import check_glosses
from sla_cli.work.run_facts import FrameFormat, RunFacts

GLOSSES = ("NULL", "cl-KOMMEN", "下雨", "سوق_تجاري", "A\u0301", "#", "\x85x".strip("\x85"))
FRAMES = FrameFormat(256, "squash", 25.0, 24.5, 25.0)
DIGESTS = {"train": "1", "dev": "2"}
FACTS = RunFacts(
    "/stores/ä b", "multisigner", "phoenix2014", "tiny", {"train": "1", "dev": "2"}, "raw", "phoenix2014", FRAMES
)


@pytest.mark.parametrize("preset", PRESETS)
def test_what_is_fixed_for_a_run_reads_back(tmp_path: Path, preset: str) -> None:
    run = Run(tmp_path / "runs" / "v1.5")
    assert not run.exists
    run.create(resolve(preset), GLOSSES, FACTS)
    again = Run(run.path)
    assert again.exists
    assert again.config == resolve(preset)
    assert again.glosses == GLOSSES
    assert again.facts == FACTS
    assert sorted(path.name for path in run.path.iterdir()) == ["config.toml", "glosses.txt", "run.toml"]


def test_of_a_run_that_is_not_finished_it_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As also of a copy that lacks the receipt, and perhaps more."""
    run = Run(tmp_path / "my run")
    run.create(resolve("tiny"), GLOSSES, FACTS)
    run.check_whole()
    assert not caplog.messages, "it has no weights, which is an error where they are read"
    run.best.write_bytes(b"weights")
    run.check_whole()
    assert "my run is not finished: its best weights so far are used" in caplog.text
    caplog.clear()
    for name in ("calibration.json", "domain.safetensors", "frame_scores.safetensors"):
        (run.path / name).touch()
    write_receipt(Receipt("train", {}, {}, results={"best_epoch": 1, "dev_wer": 50.0}), run.path)
    run.check_whole()
    assert not caplog.messages


def test_a_folder_without_run_toml_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "config.toml").touch()
    with pytest.raises(SlaError, match=r"is not a run or a model: no run\.toml") as caught:
        _ = Run(tmp_path).facts
    assert "sla train" in caught.value.hint and "sla export" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none", "no such run: none"),
        ("https://huggingface.co/me/x", "https://huggingface.co/me/x is not a run or a model"),
        ("s3://bucket/x", "s3://bucket/x is not a run or a model"),
    ],
)
def test_what_is_no_folder_is_named_as_it_was_written(name: str, message: str) -> None:
    with pytest.raises(SlaError) as caught:
        _ = Run(Path(name)).facts
    assert caught.value.message == message
    assert ("hf://OWNER/NAME@REVISION" in caught.value.hint) == ("/" in name)


def test_a_model_where_a_run_is_needed(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(SlaError, match="is a model, and this takes runs only"):
        _ = Run(tmp_path).facts


def test_another_version_is_named_with_the_stage(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.create(resolve("tiny"), GLOSSES, FACTS)
    header = tmp_path / "run.toml"
    header.write_text(header.read_text().replace("version = 1", "version = 3"))
    with pytest.raises(FormatError, match="sla-run version 3, this sla reads version 1") as caught:
        _ = run.facts
    assert "sla train" in caught.value.hint


def test_an_edited_configuration_is_checked(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.create(resolve("tiny"), GLOSSES, FACTS)
    path = tmp_path / "config.toml"
    path.write_text(path.read_text().replace("epochs =", "epoch ="))
    with pytest.raises(SlaError, match=r"unknown key train\.epoch"):
        _ = run.config


@pytest.mark.parametrize(
    ("name", "was", "now"),
    [
        ("run.toml", 'fit = "squash"', 'fit = "crop"'),
        ("run.toml", 'profile = "phoenix2014"', 'profile = "none"'),
        ("config.toml", "image_size = ", "image_size = 1"),
    ],
)
def test_a_value_that_was_changed_is_refused_unless_the_change_is_meant(
    tmp_path: Path, name: str, was: str, now: str
) -> None:
    run = Run(tmp_path)
    run.create(resolve("tiny"), GLOSSES, FACTS)
    file, header = tmp_path / name, tmp_path / "run.toml"
    run.best.touch()
    before = run.inputs
    file.write_text(changed := file.read_text(encoding="utf-8").replace(was, now, 1), encoding="utf-8")
    with pytest.raises(FormatError, match=rf"{name} is damaged or was edited") as caught:
        _ = (run.facts, run.config)
    key = re.search(r"delete the line `(\w+) = …` from run\.toml", caught.value.hint)
    assert key is not None
    kept = [line for line in header.read_text(encoding="utf-8").splitlines() if not line.startswith(f"{key[1]} =")]
    header.write_text("\n".join(kept) + "\n", encoding="utf-8")
    _ = (run.facts, run.config)
    assert name == "run.toml" or file.read_text(encoding="utf-8") == changed
    assert (run.inputs != before) == (not was.startswith("profile")), "emissions of other frames are other emissions"


@pytest.mark.parametrize(
    "line",
    ["fps = 1e9", "fps = -1.0", "fps_highest = 2000.0", "size = 1000000", "size = 0", "fps = nan", 'fit = "zoom"'],
)
def test_frames_that_nobody_has_are_refused(tmp_path: Path, line: str) -> None:
    """A run of somebody else may hold anything, and the frames to compute follow from these numbers."""
    run = Run(tmp_path)
    run.create(resolve("tiny"), GLOSSES, FACTS)
    set_lines(tmp_path / "run.toml", line)
    with pytest.raises(FormatError, match=f"run.toml: frames.{line.split(' ')[0]}"):
        _ = run.facts


@pytest.mark.parametrize(("before", "key"), [("", "evil"), ("[frames]\n", "frames.evil")])
def test_unknown_keys_are_refused(tmp_path: Path, before: str, key: str) -> None:
    run = Run(tmp_path)
    run.create(resolve("tiny"), GLOSSES, FACTS)
    header = tmp_path / "run.toml"
    text = header.read_text()
    header.write_text(text.replace(before, f"{before}evil = 1\n", 1) if before else f"evil = 1\n{text}")
    with pytest.raises(FormatError, match=f"run.toml: '{key}' is not known"):
        _ = run.facts


@pytest.mark.parametrize("key", ["corpus", "division", "labels", "profile"])
def test_names_that_no_line_can_hold_are_refused(tmp_path: Path, key: str) -> None:
    """They become attributes of emissions, which then could not be read."""
    run = Run(tmp_path)
    run.create(resolve("tiny"), GLOSSES, FACTS)
    set_lines(tmp_path / "run.toml", rf'{key} = "a\nb"')
    with pytest.raises(FormatError, match=rf"run\.toml: {key}"):
        _ = run.facts


@pytest.mark.parametrize("rate", ["fps", "fps_highest"])
def test_frames_of_too_many_pixels_a_second_are_refused(tmp_path: Path, rate: str) -> None:
    run = Run(tmp_path)
    run.create(resolve("tiny"), GLOSSES, FACTS)
    set_lines(tmp_path / "run.toml", "size = 2048", f"{rate} = 29.97")
    assert run.facts.frames.size == 2048
    set_lines(tmp_path / "run.toml", "size = 8000", f"{rate} = 1000.0")
    with pytest.raises(FormatError, match=r"run\.toml: frames of 8000x8000 at 1000 a second are more than 200 million"):
        _ = run.facts


def set_lines(file: Path, *lines: str) -> None:
    """Replace the lines with these keys, and remove the digest."""
    new = {line.split(" ")[0]: f"{line}\n" for line in lines}
    kept = (one for one in file.read_text(encoding="utf-8").splitlines(keepends=True) if not one.startswith("digest ="))
    file.write_text("".join(new.get(one.split(" ")[0], one) for one in kept), encoding="utf-8")


def test_comments_and_spaces_are_no_change(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.create(resolve("tiny"), GLOSSES, FACTS)
    for name in ("run.toml", "config.toml"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text("# mine\n" + text.replace(" = ", "  =  "), encoding="utf-8")
    assert (run.facts, run.config) == (FACTS, resolve("tiny"))


@pytest.mark.parametrize("text", ["", "A"])
def test_a_run_without_glosses_is_refused(tmp_path: Path, text: str) -> None:
    """The file is empty, or cut in its first line; the bias of a classifier of nothing was a math domain error."""
    run = Run(tmp_path)
    run.create(resolve("tiny"), GLOSSES, FACTS)
    (tmp_path / "glosses.txt").write_text(text)
    with pytest.raises(FormatError, match=r"glosses\.txt has no glosses"):
        _ = run.glosses
    (tmp_path / "glosses.txt").unlink()
    with pytest.raises(FormatError, match=r"glosses\.txt is missing") as caught:
        _ = run.glosses
    assert "Copy the run again" in caught.value.hint


def test_glosses_must_be_those_of_the_store(tmp_path: Path) -> None:
    run = Run(tmp_path / "adapter-1")
    run.create(resolve("tiny"), ("A", "B", "C"), FACTS)

    def store(*vocabulary: str) -> Split:
        return one_split(tmp_path / "".join(vocabulary), [bytes_only("a", vocabulary, 1)])

    check_glosses(run, store("C", "A", "B"))
    with pytest.raises(SlaError, match=r"adapter-1 .*1 new, 2 gone"):
        check_glosses(run, store("A", "D"))
    run.create(resolve("tiny"), ("C", "B", "A"), FACTS)
    with pytest.raises(SlaError, match="do not match"):
        check_glosses(run, store("A", "B", "C"))  # the order is the model's columns


@pytest.mark.parametrize("name", ["run.toml", "config.toml"])
def test_a_run_cut_anywhere_is_refused_and_never_filled_with_defaults(tmp_path: Path, name: str) -> None:
    run = Run(tmp_path)
    run.create(resolve("tiny"), GLOSSES, FACTS)
    text = (tmp_path / name).read_text(encoding="utf-8")
    for end in range(len(text.rstrip())):
        (tmp_path / name).write_text(text[:end], encoding="utf-8")
        try:
            found = (run.facts, run.config)
        except SlaError as error:
            assert name in error.message, end
        else:  # the last value lost a digit or an element at most: it is there, and what it was is unknowable
            assert end > text.rstrip().rindex("\n"), (end, found)


def test_the_store_is_found_where_the_work_folder_has_moved(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    run = Run(old / "runs" / "adapter-1")
    run.create(resolve("tiny"), GLOSSES, replace(FACTS, store=str(old / "stores" / "signs")))
    (old / "stores" / "signs").mkdir(parents=True)
    assert run.store == old / "stores" / "signs"
    old.rename(new)
    assert Run(new / "runs" / "adapter-1").store == new / "stores" / "signs"
    with pytest.MonkeyPatch.context() as patch:  # the old place is in somebody's home, which is closed
        stat = Path.stat

        def closed(path: Path, **how: bool) -> os.stat_result:
            if old in path.parents:
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return stat(path, **how)

        patch.setattr(Path, "stat", closed)
        assert Run(new / "runs" / "adapter-1").store == new / "stores" / "signs"
    (new / "stores" / "signs").rmdir()
    with pytest.raises(SlaError, match=r"the store of .*new/runs/adapter-1 is gone: .*old/stores/signs") as caught:
        _ = Run(new / "runs" / "adapter-1").store
    assert "--store" in caught.value.hint
