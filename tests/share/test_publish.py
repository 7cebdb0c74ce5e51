"""`sla publish`: what is refused before anything is sent, and what the hub's own client publishes to a server."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hub_server import BAD_YAML, NEW, READER, WRITER, Hub, serving
from recordings import copy_run, refused, signed, sla
from typer.testing import CliRunner

from sla_cli.cli.main import app

NAME = "somebody/signs"
ANSWERS = ("--language", "gsg", "--licence", "cc-by-4.0", "--corpus-licence", "only here", "--contact", "a@example.org")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run, its model `m` and one of other content, and a video."""
    folder = tmp_path_factory.mktemp("publish")
    run = str(copy_run(folder))
    sla("export", run, "-o", str(folder / "m"), "--lm", str(folder / "old/gloss.arpa"), *ANSWERS, "-q")
    sla("export", run, "-o", str(folder / "half"), "--half", *ANSWERS, "-q")
    signed(folder / "a.mkv", "NORD REGEN SONNE")
    return folder


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving() as hub:
        yield hub


@contextmanager
def edited(made: Path, old: str, new: str) -> Iterator[str]:
    """The model, with another card for a time."""
    card = made / "m" / "README.md"
    text = card.read_text(encoding="utf-8")
    assert old in text
    card.write_text(text.replace(old, new, 1), encoding="utf-8")
    try:
        yield str(made / "m")
    finally:
        card.write_text(text, encoding="utf-8")


# Without the hub


def test_a_dry_run_shows_the_card_and_the_files(made: Path) -> None:
    shown = CliRunner().invoke(app, ["publish", str(made / "m"), NAME, "--tag", "v1"])
    assert shown.exit_code == 0, shown.output
    card = (made / "m" / "README.md").read_text(encoding="utf-8")
    assert shown.stdout.startswith(card)
    rest = " ".join(shown.stdout.removeprefix(card).split())
    assert f"model.safetensors {(made / 'm' / 'model.safetensors').stat().st_size:,} bytes" in rest
    assert "gloss.arpa holds sequences of glosses as they were signed in train" in rest
    assert f"to {NAME}: public, unless its owner has it otherwise revision: tag v1 nothing was uploaded" in rest
    found = sla("publish", str(made / "m"), NAME, "--private", "-q")
    there = {path.relative_to(made / "m").as_posix() for path in (made / "m").rglob("*") if path.is_file()}
    assert set(found["files"]) == there
    assert (found["private"], found["tag"], found["commit"], found["address"]) == (True, None, None, None)


def test_a_card_with_open_questions_is_refused(made: Path) -> None:
    sla("export", str(made / "old/runs/adapter"), "-o", str(made / "open"), *ANSWERS[2:6], "-q")
    lines = (made / "open" / "README.md").read_text(encoding="utf-8").split("\n")
    numbers = [number for number, line in enumerate(lines, start=1) if "To be answered" in line]
    assert len(numbers) == 2
    assert f"has open questions in lines {numbers[0]}, {numbers[1]}" in refused("publish", str(made / "open"), NAME)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("language: gsg", "language: {gsg", ", expected ',' or '}', but got ':' in line 3"),
        ("language: gsg", "language: gsg\n1: one", ""),
        ("language: gsg", "- gsg", ", expected <block end>, but found '?' in line 3"),
        ("model-index:", "model-index: 5\nrest:", ""),
        pytest.param("language: gsg", f"language: {'[' * 50_000}", "", id="deep"),
    ],
)
def test_a_card_whose_yaml_cannot_be_read_is_refused(made: Path, old: str, new: str, reason: str) -> None:
    fault = f"README.md: the YAML between the first two lines --- cannot be read{reason} hint: Compare it"
    with edited(made, old, new) as folder:
        assert fault in refused("publish", folder, NAME)


def test_what_the_hub_will_lack_is_said(made: Path) -> None:
    with edited(made, "license: cc-by-4.0\n", "") as folder:
        shown = CliRunner().invoke(app, ["publish", folder, NAME, "-q"])
    assert "warning: " in shown.stderr and "the hub will show no license; its YAML has none" in shown.stderr


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (("old/runs/adapter", NAME), "adapter is not a model folder hint: `sla export RUN -o FOLDER` makes one"),
        (("nowhere", NAME), "nowhere is not a model folder"),
        (("m", "signs"), "'signs' does not name an owner"),
        (("m", f"hf://{NAME}"), "cannot name a model: the hub takes no such name hint: Write OWNER/NAME"),
        (("m", "some body/signs"), "cannot name a model: the hub takes no such name"),
        (("m", NAME, "--tag", "v 1"), "'v 1' cannot be a tag"),
        (("m", NAME, "--tag", "v" * 300), "cannot be a tag"),
        (("m", NAME, "--tag", "v1.lock"), "'v1.lock' cannot be a tag"),
        (("m", NAME, "--tag", "HEAD"), "'HEAD' would mean a branch or a commit"),
        (("m", NAME, "--tag", "0a" * 20), "would mean a branch or a commit"),
    ],
)
def test_what_cannot_be_published_is_named(
    made: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], reported: str
) -> None:
    monkeypatch.chdir(made)
    assert reported in refused("publish", *arguments)


def test_of_a_model_with_a_damaged_config_it_is_said_what_is_wrong(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "m", tmp_path / "m")
    (tmp_path / "m" / "config.json").write_text('{"format": "sla-run"}')
    assert "config.json: not sla-model" in refused("publish", str(tmp_path / "m"), NAME)


def test_a_card_that_is_missing_or_links_elsewhere_is_refused(made: Path, tmp_path: Path) -> None:
    card = made / "m" / "README.md"
    card.rename(tmp_path / "secret")
    assert "has no README.md" in refused("publish", str(made / "m"), NAME)
    card.symlink_to(tmp_path / "secret")
    assert "is a link to a file outside of the folder" in refused("publish", str(made / "m"), NAME)
    (tmp_path / "secret").replace(card)


# With the hub: a process for each, since the client reads its settings when it is imported


def settings(hub: Hub, home: Path, token: str) -> dict[str, str]:
    here = {"HF_ENDPOINT": hub.address, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
    return {**os.environ, **here, "HF_TOKEN": token}


def run(hub: Hub, home: Path, *arguments: object, token: str = WRITER) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sla_cli", *map(str, arguments)]
    return subprocess.run(command, env=settings(hub, home, token), capture_output=True, text=True, check=False)


def published(hub: Hub, home: Path, *arguments: object) -> dict[str, Any]:
    answer = run(hub, home, "publish", *arguments, "--yes", "--json", "-q")
    assert answer.returncode == 0, answer.stderr
    return dict(json.loads(answer.stdout))


def rejected(hub: Hub, home: Path, *arguments: object, token: str = WRITER) -> str:
    """What it says, without a traceback."""
    answer = run(hub, home, "publish", *arguments, "--yes", "-q", token=token)
    errors = " ".join(answer.stderr.split())
    assert (answer.returncode, "Traceback" in errors, errors.count("error: ")) == (2, False, 1), errors
    return errors


@pytest.mark.ci
def test_a_published_model_gives_the_same_glosses(hub: Hub, made: Path, tmp_path: Path) -> None:
    video = made / "a.mkv"
    assert run(hub, tmp_path, "publish", made / "m", NAME, "--tag", "v1").returncode == 0
    assert hub.requests == [], "a dry run sends nothing"
    (made / "m" / "notes.txt").write_text("mine")
    found = published(hub, tmp_path, made / "m", NAME, "--tag", "v1", "--private")
    (made / "m" / "notes.txt").unlink()
    assert (found["address"], found["private"], hub.private) == (f"hf://{NAME}@v1", True, {NAME})
    assert {*hub.models[NAME]["v1"]} == {".gitattributes", *found["files"]}
    assert len(hub.objects) == 1, "weights go to the storage of big files"
    expected = run(hub, tmp_path, "transcribe", video, "--run", made / "m", "-q").stdout
    assert len(expected.splitlines()) == 3
    for revision in ("v1", found["commit"]):
        opened = run(hub, tmp_path / revision, "transcribe", video, "--run", f"hf://{NAME}@{revision}", "-q")
        assert (opened.returncode, opened.stdout) == (0, expected), opened.stderr
    assert "there is no such model, or it is private" in run(hub, tmp_path, "info", f"hf://{NAME}@v1", token="-").stderr


@pytest.mark.ci
def test_the_next_version_has_only_its_own_files(hub: Hub, made: Path, tmp_path: Path) -> None:
    first = published(hub, tmp_path, made / "m", NAME, "--tag", "v1")
    hub.models[NAME]["main"]["signing.jpg"] = b"added on the hub"
    assert f"{NAME} has a revision v1 already" in rejected(hub, tmp_path, made / "half", NAME, "--tag", "v1")
    assert f"{NAME} is public already" in rejected(hub, tmp_path, made / "half", NAME, "--private")
    second = published(hub, tmp_path, made / "half", NAME, "--tag", "v2", "--message", "half as large")
    assert second["commit"] != first["commit"]
    assert {*hub.models[NAME]["v1"]} > {"gloss.arpa", "model.safetensors"}
    assert {*hub.models[NAME]["v2"]} == {".gitattributes", "signing.jpg", *second["files"]}
    again = published(hub, tmp_path, made / "half", NAME)
    assert (again["commit"], again["tag"]) == (second["commit"], None)
    assert again["address"] == f"hf://{NAME}@{second['commit']}"


@pytest.mark.ci
def test_who_may_not_write_is_told_why(hub: Hub, made: Path, tmp_path: Path) -> None:
    failed = f"the model cannot be uploaded to {NAME}: "
    assert f"{failed}you are not logged in hint: `hf auth login`" in rejected(hub, tmp_path, made / "m", NAME, token="")
    assert hub.requests == []
    assert f"{failed}the hub does not take your token" in rejected(hub, tmp_path, made / "m", NAME, token="hf_wrong")
    assert f"{failed}your token does not allow it" in rejected(hub, tmp_path, made / "m", NAME, token=READER)
    assert hub.models == {}
    hub.address = "http://127.0.0.1:9"
    assert f"{failed}the hub cannot be reached" in rejected(hub, tmp_path, made / "m", NAME)


@pytest.mark.ci
def test_what_the_hub_refuses_leaves_no_revision(hub: Hub, made: Path, tmp_path: Path) -> None:
    with edited(made, "license: cc-by-4.0", BAD_YAML) as folder:
        assert 'README.md. - "license" must be one of a list' in rejected(hub, tmp_path, folder, NAME, "--tag", "v1")
    hub.refused = {"PUT /big/": 403}
    assert "your token does not allow it" in rejected(hub, tmp_path, made / "m", NAME, "--tag", "v1")
    hub.refused = {"/commit/main": 412}
    assert "the model cannot be uploaded" in rejected(hub, tmp_path, made / "m", NAME, "--tag", "v1")
    assert {name: {*files} for name, files in hub.models[NAME].items()} == {"main": {".gitattributes"}}
    hub.refused = {"/tag/": 403}
    said = rejected(hub, tmp_path, made / "m", NAME, "--tag", "v1")
    assert "the model is uploaded as hf://" in said and "but the tag v1 cannot be set: your token" in said
    assert {*hub.models[NAME]["main"]} > {"model.safetensors"}


@pytest.mark.ci
def test_files_that_sla_did_not_put_there_stay(hub: Hub, made: Path, tmp_path: Path) -> None:
    theirs = "has files of somebody else, which are not replaced: "
    for number, files in enumerate(
        (
            {"config.json": b'{"architectures": ["BertModel"]}', "model.safetensors": b"weights"},
            {"sub/deep/graph.onnx": b"mine"},
            {"README.md": b"---\nlicense: mit\n---\n# My work of a year\n"},
        )
    ):
        other = hub.models[f"somebody/{number}"] = {"main": {**NEW, **files}}
        assert f"{theirs}{sorted(files)[0]}" in rejected(hub, tmp_path, made / "m", f"somebody/{number}")
        assert other == {"main": {**NEW, **files}}
    licence = {"README.md": b"---\nlicense: mit\n---\n"}  # all that the hub writes where a licence was chosen
    hub.models[NAME] = {"main": {**NEW, **licence}}
    first = published(hub, tmp_path, made / "half", NAME)
    mine = {"sub/huge.onnx": b"mine", "tuning/of/mine.json": b"{}", "other.arpa": b"mine"}
    hub.models[NAME]["main"] |= mine
    published(hub, tmp_path, made / "m", NAME)
    assert published(hub, tmp_path, made / "half", NAME)["files"] == first["files"]
    assert {*hub.models[NAME]["main"]} == {".gitattributes", *first["files"], *mine}
    hub.models[NAME]["main"]["gloss.arpa"] = b"mine"
    assert f"{theirs}gloss.arpa" in rejected(hub, tmp_path, made / "m", NAME)
    assert hub.models[NAME]["main"]["gloss.arpa"] == b"mine"


@pytest.mark.ci
def test_a_card_that_is_replaced_is_named_with_the_commit_that_keeps_it(hub: Hub, made: Path, tmp_path: Path) -> None:
    published(hub, tmp_path, made / "m", NAME)
    hub.models[NAME]["main"]["README.md"] += b"who agreed: added on the hub"
    said = run(hub, tmp_path, "publish", made / "m", NAME, "--yes").stderr
    assert re.search(
        rf"its README\.md is replaced; hf://{NAME}@[0-9a-f]{{40}} keeps the old one", " ".join(said.split())
    )
    assert "is replaced" not in run(hub, tmp_path, "publish", made / "m", NAME, "--yes").stderr
    hub.models["somebody/x"] = {"main": {**NEW, "README.md": b"\xff\xfe---"}}
    assert "files of somebody else, which are not replaced: README.md" in rejected(
        hub, tmp_path, made / "m", "somebody/x"
    )


@pytest.mark.ci
@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "README.md", "gloss.arpa"])
def test_a_model_that_changes_while_it_is_published_is_not_uploaded(
    hub: Hub, made: Path, tmp_path: Path, name: str
) -> None:
    folder = shutil.copytree(made / "m", tmp_path / "m")

    def again() -> None:
        (folder / name).write_bytes((folder / name).read_bytes() + b" ")

    hub.meanwhile = again
    said = rejected(hub, tmp_path, folder, NAME, "--tag", "v1")
    assert f"was changed while it was published: {name}" in said
    assert {one: {*files} for one, files in hub.models[NAME].items()} == {"main": {".gitattributes"}}


@pytest.mark.ci
@pytest.mark.parametrize("answer", [b"[]", b'{"id": "somebody/signs", "sha": null}', b"<html>", b"7", b'"x"'])
def test_another_server_than_a_hub_is_named(hub: Hub, made: Path, tmp_path: Path, answer: bytes) -> None:
    hub.odd = {"/api/": answer}
    refusal = rejected(hub, tmp_path, made / "m", NAME)
    assert "error: the model cannot be uploaded" in refusal and "HF_ENDPOINT" in refusal, refusal
    read = run(hub, tmp_path, "info", f"hf://{NAME}@v1")
    assert (read.returncode, "Traceback" in read.stderr) == (2, False), read.stderr


@pytest.mark.ci
def test_an_interrupted_upload_leaves_no_revision_and_can_be_repeated(
    hub: Hub, made: Path, tmp_path: Path, usual_signals: None
) -> None:
    command = [sys.executable, "-m", "sla_cli", "publish", str(made / "m"), NAME, "--tag", "v1", "--yes"]
    hub.held.clear()
    process = subprocess.Popen(command, env=settings(hub, tmp_path, WRITER), stderr=subprocess.PIPE, text=True)
    while not any(request.startswith("PUT") for request in hub.requests):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    time.sleep(3)
    hub.held.set()  # the client waits for the file that it is sending
    errors = process.communicate()[1]
    assert (process.returncode, "Traceback" in errors) == (130, False), errors
    assert {name: {*files} for name, files in hub.models[NAME].items()} == {"main": {".gitattributes"}}
    assert published(hub, tmp_path, made / "m", NAME, "--tag", "v1")["address"] == f"hf://{NAME}@v1"
