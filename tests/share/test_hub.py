"""Models on a hub, by the hub's own client against a server on this machine."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import Hub, serving
from recordings import copy_run, refused, signed, sla

from sla_cli.errors import SlaError
from sla_cli.work.hub import asking_hub

pytestmark = pytest.mark.ci  # a process for each: the client reads its settings when it is imported
MODEL = "hf://somebody/signs@v1"
OUTSIDE = ("../../../v1", "/etc/v1", "refs/../v1")
OTHERS = ("train.py", "sub/huge.onnx", "other.arpa", "model.safetensors.arpa", "tuning/of/other.json")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, and a video."""
    folder = tmp_path_factory.mktemp("hub")
    run = copy_run(folder)
    sla("export", str(run), "-o", str(folder / "m"), "--lm", str(folder / "old/gloss.arpa"), "-q")
    signed(folder / "a.mkv", "NORD REGEN SONNE")
    return folder


@pytest.fixture
def hub(exported: Path) -> Iterator[Hub]:
    with serving() as hub:
        hub.put("somebody/signs", "v1", exported / "m")
        hub.models["somebody/signs"]["v1"] |= dict.fromkeys(OTHERS, b"not of the model")
        yield hub


def run(hub: Hub, home: Path, *arguments: object, offline: bool = False) -> subprocess.CompletedProcess[str]:
    settings = {"HF_ENDPOINT": hub.address, "HF_HOME": str(home), "HF_HUB_OFFLINE": str(int(offline))}
    command = [sys.executable, "-m", "sla_cli", *map(str, arguments)]
    return subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, check=False)


def test_a_model_is_opened_by_its_revision_then_from_the_cache(hub: Hub, exported: Path, tmp_path: Path) -> None:
    video = exported / "a.mkv"
    expected = run(hub, tmp_path, "transcribe", video, "--run", exported / "m", "-q").stdout
    found = run(hub, tmp_path, "transcribe", video, "--run", MODEL, "-q")
    assert (found.returncode, found.stdout) == (0, expected)
    assert len(expected.splitlines()) == 3
    asked = [request for request in hub.requests if any(name in request for name in OTHERS)]
    assert not asked, "only what a model has is downloaded"
    hub.models.clear()
    offline = run(hub, tmp_path, "transcribe", video, "--run", MODEL, "--lm", "gloss.arpa", "-q", offline=True)
    assert (offline.returncode, len(offline.stdout.splitlines())) == (0, 3), offline.stderr


@pytest.mark.parametrize("name", ["", "somebody/signs", "signs@v1", *map("somebody/signs@{}".format, OUTSIDE)])
def test_a_name_of_no_model_is_refused_before_the_hub_is_asked(name: str) -> None:
    assert "does not name a model on the hub" in refused("emit", f"hf://{name}")


@pytest.mark.parametrize(
    ("name", "reported"),
    [
        ("hf://somebody/signs@v2", "the model has no such revision"),
        ("hf://somebody/other@v1", "there is no such model, or it is private"),
    ],
)
def test_what_is_not_there_is_named(hub: Hub, tmp_path: Path, name: str, reported: str) -> None:
    found = run(hub, tmp_path, "info", name)
    assert found.returncode == 2
    assert reported in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ImportError("Using SOCKS proxy, but the 'socksio' package is not installed."), "'socksio' package is not"),
        (FileNotFoundError(errno.ENOENT, "No such file"), "a file that the connection needs is missing\nSSL_CERT_FILE"),
    ],
)
def test_a_proxy_or_certificates_of_the_environment_that_cannot_be_used(error: Exception, told: str) -> None:
    with pytest.raises(SlaError) as found, asking_hub("signs cannot be downloaded"):
        raise error
    assert told in str(found.value)


def test_without_network_and_cache(hub: Hub, tmp_path: Path) -> None:
    found = run(hub, tmp_path, "info", MODEL, offline=True)
    assert (found.returncode, "HF_HUB_OFFLINE forbids to ask the hub" in found.stderr) == (2, True), found.stderr
    hub.refused = {"/api/": 500}
    assert "the hub itself fails (500)" in run(hub, tmp_path, "info", MODEL).stderr
    hub.refused = {}
    (tmp_path / "file").write_text("")
    assert f"{tmp_path}/file/" in run(hub, tmp_path / "file", "info", MODEL).stderr
    hub.address = "http://127.0.0.1:9"
    assert "is not in the cache, and the hub cannot be reached" in run(hub, tmp_path, "info", MODEL).stderr


def test_a_missing_and_a_changed_file(hub: Hub, tmp_path: Path) -> None:
    files = hub.models["somebody/signs"]["v1"]
    weights = files.pop("model.safetensors")
    missing = run(hub, tmp_path / "1", "info", MODEL)
    assert (missing.returncode, "has no model.safetensors" in missing.stderr) == (2, True), missing.stderr
    files["model.safetensors"] = weights[:-1] + bytes([weights[-1] ^ 1])
    changed = run(hub, tmp_path / "2", "info", MODEL)
    assert (changed.returncode, "model.safetensors is damaged" in changed.stderr) == (2, True), changed.stderr


def test_a_file_that_is_damaged_in_the_cache(hub: Hub, tmp_path: Path) -> None:
    assert run(hub, tmp_path, "info", MODEL).returncode == 0
    cached = next(tmp_path.rglob("models--somebody--signs"))
    weights = next(cached.rglob("model.safetensors"))
    weights.resolve().write_bytes(weights.read_bytes()[:-1])
    damaged = run(hub, tmp_path, "info", MODEL)
    assert (damaged.returncode, f"Remove {cached}" in damaged.stderr.replace("\n", "")) == (2, True), damaged.stderr
    shutil.rmtree(cached)
    assert run(hub, tmp_path, "info", MODEL).returncode == 0


def test_a_model_that_may_not_be_read(hub: Hub, tmp_path: Path) -> None:
    hub.refused = {"resolve": 403}
    assert "the right to read there" in run(hub, tmp_path, "info", MODEL).stderr.replace("\n", " ")


def test_an_interrupted_download_is_named_and_continues(hub: Hub, tmp_path: Path) -> None:
    hub.cut = 1000
    stopped = run(hub, tmp_path, "info", MODEL)
    assert stopped.returncode == 2, stopped.stderr
    assert "cannot be downloaded" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    hub.cut = None
    assert run(hub, tmp_path, "info", MODEL).returncode == 0
