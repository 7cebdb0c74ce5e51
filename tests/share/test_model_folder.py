"""A model folder gives what its run gives, on its own; what is not one is refused."""

from __future__ import annotations

import json
import platform
import re
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from recordings import copy_run, refused, signed, sla
from tiny_work import tiny_work

from sla_cli.errors import SlaError
from sla_cli.share.export import _put_in_place
from sla_cli.system.atomic import namespace
from sla_cli.transcribe.recognizer import Recognizer
from sla_cli.work.model_folder import find_trained
from sla_cli.work.run import Run
from sla_cli.work.run_facts import InitFrom

RUN = "old/runs/adapter"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy_run(tmp_path)
    signed(tmp_path / "a.mkv", "NORD REGEN SONNE")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def moved(folder: Path) -> Path:
    """The model of the run at another place, after everything that trained it is gone."""
    sla("export", RUN, "-o", "model", "-q")
    target = folder / "elsewhere" / "m"
    target.parent.mkdir()
    (folder / "model").rename(target)
    shutil.rmtree(folder / "old")
    return target


def test_a_model_gives_what_its_run_gives(folder: Path) -> None:
    with Recognizer.open(RUN, device="cpu") as run:
        expected = run.transcribe("a.mkv")
    with Recognizer.open(moved(folder), device="cpu") as model:
        found = model.transcribe("a.mkv")
    np.testing.assert_array_equal(found.log_probs, expected.log_probs)
    assert found.signs == expected.signs
    assert len(found.signs) == 3
    assert (found.warning, found.score) == (expected.warning, expected.score)


def test_what_is_no_run_is_refused_before_its_card_is_made(folder: Path) -> None:
    assert refused("export", "nowhere", "-o", "again").startswith("error: no such run: nowhere")
    model = str(moved(folder))
    assert refused("export", model, "-o", "again") == f"error: {model} is a model already hint: Copy its folder."


@pytest.mark.parametrize("damaged", ["", "[]", '{"format": "other"}'])
def test_what_is_wrong_with_a_model_is_said_by_each_command(folder: Path, damaged: str) -> None:
    model = moved(folder)
    (model / "config.json").write_text(damaged)
    message = refused("info", str(model))
    assert "config.json" in message and message == refused("transcribe", "a.mkv", "--run", str(model))


def test_emissions_of_a_model_are_those_of_its_run(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    expected = sla("decode", RUN, "--split", "dev", "--format", "jsonl", "-o", "run.jsonl", "-q")
    sla("export", RUN, "-o", "model", "-q")
    found = sla("decode", "model", "--store", "old/stores/phoenix2014", "--work", "new", "--split", "dev",
                "--format", "jsonl", "-o", "model.jsonl", "-q")  # fmt: skip
    assert expected["clips"] == found["clips"] == 4
    assert (folder / "run.jsonl").read_text() == (folder / "model.jsonl").read_text()
    find_trained(folder / "model").check_whole()
    assert "is not finished" not in caplog.text


def test_the_same_run_gives_the_same_bytes_without_a_place_of_this_machine(folder: Path) -> None:
    made = sla("export", RUN, "-o", "one", "--lm", "old/gloss.arpa", "-q")
    sla("export", RUN, "-o", "two", "--lm", "old/gloss.arpa", "-q")
    files = {name: (folder / "one" / name).read_bytes() for name in made["files"]}
    assert files == {name: (folder / "two" / name).read_bytes() for name in made["files"]}
    assert {"README.md", "config.json", "gloss.arpa", "model.safetensors"} < files.keys()
    assert [name for name in files if name.startswith("tuning/")]
    own = (str(folder), "old/", str(tiny_work().parent), platform.platform())  # tiny_work: where the run was trained
    assert not [(name, text) for name, content in files.items() for text in own if text.encode() in content]


def test_a_model_keeps_what_its_run_has_learned_from(folder: Path) -> None:
    """By which `sla store leave-out` finds runs that begin from it."""
    run = Run(Path(RUN))
    begin = InitFrom("/gone", "0", origins=("earlier", "earliest"))
    run.create(run.config, run.glosses, replace(run.facts, init_from=begin, origins=("merged",)))
    sla("export", RUN, "-o", "model", "-q")
    learned = find_trained(Path("model")).facts.learned_from
    assert learned == {*run.facts.digests.values(), "merged", "earlier", "earliest"}


def test_a_run_whose_settings_no_longer_fit_its_weights_is_not_exported(folder: Path) -> None:
    settings, facts = Path(RUN, "config.toml"), Path(RUN, "run.toml")
    settings.write_text(re.sub(r"channels = \d+", "channels = 8", settings.read_text()))
    facts.write_text(re.sub("config_digest.*\n", "", facts.read_text()))  # as the message about the digest says
    assert "best.safetensors does not fit the model" in refused("export", RUN, "-o", "m")
    assert not Path("m").exists()


def test_only_an_export_whose_card_nobody_edited_is_replaced(folder: Path) -> None:
    card = folder / "m" / "README.md"
    sla("export", RUN, "-o", "m", "--language", "gsg", "-q")
    sla("export", RUN, "-o", "m", "--language", "gsg", "-q")  # the same is left alone
    assert "m exists" in refused("export", RUN, "-o", "m")
    sla("export", RUN, "-o", "m", "--force", "-q")
    written = card.read_text(encoding="utf-8")
    assert "which?" in written
    edited = written.replace("**To be answered:** which?", "gsg")
    card.write_text(edited, encoding="utf-8")
    assert "README.md was edited, and is not replaced" in refused("export", RUN, "-o", "m", "--force")
    assert card.read_text(encoding="utf-8") == edited
    others = ("notes.txt", "empty", "folder", "nowhere")
    (folder / "m" / "notes.txt").write_text("mine")
    (folder / "m" / "empty").mkdir()
    (folder / "m" / "folder").symlink_to(folder / "old", target_is_directory=True)
    (folder / "m" / "nowhere").symlink_to("mine")
    card.unlink()
    (folder / "card").write_text(written, encoding="utf-8")
    card.symlink_to(folder / "card")
    for name in ("README.md", *sorted(others)):
        assert f"contains other files or links: {name}" in refused("export", RUN, "-o", "m", "--force")
        path = folder / "m" / name
        path.rmdir() if name == "empty" else path.unlink()
    assert (folder / "card").read_text(encoding="utf-8") == written and (folder / "old").is_dir()
    with (folder / "m" / "model.safetensors").open("ab") as weights:
        weights.write(b"x")
    assert "is damaged: another digest than in config.json, and is not replaced" in refused(
        "export", RUN, "-o", "m", "--force"
    )
    (folder / "m" / "model.safetensors").unlink()
    assert "m has no model.safetensors, and is not replaced" in refused("export", RUN, "-o", "m", "--force")
    assert "is a file" in refused("export", RUN, "-o", "a.mkv", "--force")
    (folder / "link").symlink_to("empty")
    (folder / "empty").mkdir()
    assert "is a link" in refused("export", RUN, "-o", "link")


def test_the_model_that_was_there_comes_back_if_the_new_one_cannot_get_its_name(folder: Path) -> None:
    sla("export", RUN, "-o", "m", "-q")
    before = sorted(path.name for path in (folder / "m").iterdir())
    with pytest.raises(SlaError, match="cannot write m: No such file"):
        _put_in_place(Path("gone"), Path("m"), force=True)
    assert sorted(path.name for path in (folder / "m").iterdir()) == before


def test_a_full_disk_is_named_and_nothing_is_left_on_it(folder: Path, small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(bytes(1_900_000))
    assert "No space left" in refused("export", RUN, "-o", str(small_disk / "m"))
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


def test_what_a_killed_export_has_left_goes_with_the_next_one(folder: Path) -> None:
    killed = 2**22 + 7  # no process has such a number on Linux
    left = folder / f".m.{socket.gethostname()}-{namespace()}-{killed}-0123abcd.partial"
    (left / "m").mkdir(parents=True)
    (left / "m" / "model.safetensors").write_bytes(b"half")
    sla("export", RUN, "-o", "m", "-q")
    assert not left.exists()


def test_what_cannot_be_exported_is_named_and_leaves_nothing(folder: Path) -> None:
    (folder / "e.arpa").touch()
    (folder / "lm.bin").write_bytes(b"mmap lm")
    shutil.copy(folder / "old/gloss.arpa", folder / ".arpa")
    unigrams = "".join(f"-1\t{word}\n" for word in ("<unk>", "<s>", "</s>", "OTHER"))
    bigram = "\\2-grams:\n-1\t<s> OTHER\n\n\\end\\\n"
    (folder / "other.arpa").write_text(f"\\data\\\nngram 1=4\nngram 2=1\n\n\\1-grams:\n{unigrams}\n{bigram}")
    before = sorted(folder.iterdir())
    for arguments, message in (
        (("nowhere", "-o", "m"), "no such run: nowhere"),
        ((RUN, "-o", "m", "--lm", "e.arpa"), "e.arpa"),
        ((RUN, "-o", "m", "--lm", "other.arpa"), "other.arpa does not know"),
        ((RUN, "-o", "m", "--lm", "lm.bin"), "takes a language model as ARPA"),
        ((RUN, "-o", "m", "--lm", ".arpa"), ".arpa: a model folder takes a language model as ARPA"),
        ((RUN, "-o", "/proc/m"), "cannot write /proc/m"),
        ((RUN, "-o", "."), ". is no name that a new folder can have"),
    ):
        assert message in refused("export", *arguments)
    scores, others = (folder / "old/runs" / name / "frame_scores.safetensors" for name in ("adapter", "lora"))
    shutil.copy(others, scores)
    assert "frame_scores.safetensors belongs to another checkpoint" in refused("export", RUN, "-o", "m")
    weights = folder / RUN / "best.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert "best.safetensors is not the checkpoint with which the run ended" in refused("export", RUN, "-o", "m")
    weights.unlink()
    assert "best.safetensors" in refused("export", RUN, "-o", "m")
    assert sorted(folder.iterdir()) == before


def test_a_tuned_language_model_travels_with_it(folder: Path) -> None:
    with Recognizer.open(RUN, lm="old/gloss.arpa", device="cpu") as run:
        expected = run.transcribe("a.mkv")
    sla("export", RUN, "-o", "m", "--lm", "old/gloss.arpa", "-q")
    shutil.rmtree(folder / "old")
    with Recognizer.open("m", lm="gloss.arpa", device="cpu") as model:
        found = model.transcribe("a.mkv")
    assert "tuned" in expected.made["search"] or "alpha" in expected.made["search"]
    assert found.made["search"] == expected.made["search"]
    assert (found.signs, found.score) == (expected.signs, expected.score)
    copy_run(folder)
    store = ("--store", "old/stores/phoenix2014", "--split", "test", "--format", "jsonl", "-q")
    sla("decode", RUN, "--lm", "old/gloss.arpa", "--work", "old", *store, "-o", "run.jsonl")
    sla("decode", "m", "--lm", "gloss.arpa", "--work", "new", *store, "-o", "model.jsonl")
    assert (folder / "run.jsonl").read_text() == (folder / "model.jsonl").read_text()
    # Its language model is found by name wherever one is given.
    dev = ("--store", "old/stores/phoenix2014", "--work", "new", "--alphas", "0.5", "--betas", "0")
    sla("export", RUN, "-o", "without", "-q")
    for model in ("m", "without"):
        assert f"{model} is a model, into which no tuning is" in refused("tune", model, "--lm", "old/gloss.arpa", *dev)
    assert not list(folder.glob("new/emissions/*/dev.h5")), "refused before emissions are computed"
    made = sla("emit", "without", *dev[:4], "--split", "dev", "-q")["emissions"]
    assert "without is a model, into which no tuning is" in refused("tune", made, "--lm", "old/gloss.arpa", *dev[4:])
    (folder / "ext").mkdir()
    sla("elan", "install", "--run", "m", "--lm", "gloss.arpa", "--extensions", "ext", "-q")
    written = "".join(path.read_text() for path in (folder / "ext").rglob("*.cmdi"))
    assert str(folder / "m" / "gloss.arpa") in written


def test_half_precision_is_half_as_large_and_nearly_the_same(folder: Path) -> None:
    with Recognizer.open(RUN, device="cpu") as run:
        expected = run.transcribe("a.mkv")
    whole = sla("export", RUN, "-o", "replaced", "-q")["files"]["model.safetensors"]
    half = sla("export", RUN, "-o", "replaced", "--half", "--force", "-q")["files"]["model.safetensors"]
    assert half < 0.7 * whole  # headers and scorers stay
    with Recognizer.open("replaced", device="cpu") as model:
        found = model.transcribe("a.mkv")
    assert [sign.gloss for sign in found.signs] == [sign.gloss for sign in expected.signs]
    np.testing.assert_allclose(np.exp(found.log_probs), np.exp(expected.log_probs), atol=0.2)
    assert not np.array_equal(found.log_probs, expected.log_probs)


def test_a_run_starts_from_a_model(folder: Path) -> None:
    model = moved(folder)
    copy_run(folder)
    sla("train", "--preset", "tiny", "--init-from", str(model), "--name", "second", "--work", "old", "--epochs", "1",
                "--config", "old/runs/adapter/config.toml", "-q")  # fmt: skip
    assert json.loads((folder / "old/runs/second/init_from.json").read_text())["glosses"] == 4
