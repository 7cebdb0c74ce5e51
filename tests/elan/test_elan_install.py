"""The folders in ELAN's folder of extensions."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from elan_calls import call_text, write_tier
from recordings import copy_run, refused, signed, sla

from sla_cli.elan import install as installing
from sla_cli.elan.parameters import RECOGNIZERS
from sla_cli.errors import SlaError
from sla_cli.system.atomic import namespace

FILES = {"sla.sh", "sla.bat", "help.html"}


@pytest.fixture
def extensions(tmp_path: Path) -> Path:
    copy_run(tmp_path)
    folder = tmp_path / "ELAN 7 'ü'" / "app" / "extensions"
    folder.mkdir(parents=True)
    return folder


def install(extensions: Path, *options: str) -> list[Path]:
    run = extensions.parents[2] / "old" / "runs" / "adapter"
    made = sla("elan", "install", "--extensions", str(extensions), "--run", str(run), *options)
    return [Path(folder) for folder in made["folders"]]


def test_both_recognisers_are_written_again_and_removed(extensions: Path) -> None:
    (extensions / "other").mkdir()
    for _ in range(2):
        folders = install(extensions)
        assert [folder.name for folder in folders] == ["sla-recognize", "sla-align"]
        for folder in folders:
            assert {path.name for path in folder.iterdir()} == FILES | {f"{folder.name}.cmdi"}
    removed = sla("elan", "install", "--extensions", str(extensions), "--uninstall")
    assert [Path(folder) for folder in removed["folders"]] == folders
    assert [path.name for path in extensions.iterdir()] == ["other"]
    assert sla("elan", "install", "--extensions", str(extensions), "--uninstall")["folders"] == []


def test_the_descriptor_has_each_parameter_and_the_run(extensions: Path) -> None:
    for folder, recognizer in zip(install(extensions), RECOGNIZERS, strict=True):
        root = ET.parse(folder / f"{folder.name}.cmdi").getroot()
        parts = next(root.iter("{http://www.clarin.eu/cmd/}RECOGNIZER"))
        names = [one.text for one in parts][2:]
        assert names == [one.name for one in recognizer.parameters]
        run = next(one for one in parts if one.text == "run")
        assert run.attrib["default"] == str(extensions.parents[2].resolve() / "old" / "runs" / "adapter")
        text = (folder / "help.html").read_text(encoding="utf-8")
        HTMLParser().feed(text)
        assert all(f"<td>{name}</td>" in text for name in names)


@pytest.mark.parametrize("option", ["", "--uninstall"])
@pytest.mark.parametrize("name", ["notes.txt", "sla-align.cmdi", "sla.sh"])
def test_what_is_not_from_sla_stays(extensions: Path, name: str, option: str) -> None:
    (extensions / "sla-align").mkdir()
    (extensions / "sla-align" / name).write_text("mine")
    options = [option] if option else ["--run", str(extensions.parents[2] / "old/runs/adapter")]
    assert "which is not from sla" in refused("elan", "install", "--extensions", str(extensions), *options)
    assert [path.name for path in extensions.rglob("*")] == ["sla-align", name]


@pytest.mark.parametrize("option", ["", "--uninstall"])
@pytest.mark.parametrize("name", ["sla.sh", "help.html", "sla-recognize.cmdi"])
def test_what_somebody_edited_stays(extensions: Path, name: str, option: str) -> None:
    folder = install(extensions)[0]
    edited = (folder / name).read_bytes().replace(b"run", b"my run")
    (folder / name).write_bytes(edited)
    options = [option] if option else ["--run", str(extensions.parents[2] / "old/runs/adapter")]
    before = sorted(extensions.rglob("*"))
    assert f"holds {name}, which is not" in refused("elan", "install", "--extensions", str(extensions), *options)
    assert sorted(extensions.rglob("*")) == before and (folder / name).read_bytes() == edited


@pytest.mark.parametrize("option", ["", "--uninstall"])
def test_a_link_is_refused_and_what_it_leads_to_stays(extensions: Path, option: str) -> None:
    folder = install(extensions)[0]
    target = folder.rename(extensions.parent / "target")
    folder.symlink_to(target)
    options = [option] if option else ["--run", str(extensions.parents[2] / "old/runs/adapter")]
    assert "sla-recognize is not a folder from sla" in refused(
        "elan", "install", "--extensions", str(extensions), *options
    )
    assert folder.is_symlink() and {path.name for path in target.iterdir()} == FILES | {"sla-recognize.cmdi"}


def test_those_of_another_environment_or_of_an_interrupted_installation_are_replaced(
    extensions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as other:
        other.setattr(sys, "executable", "/other/python")
        assert b"/other/python" in (install(extensions)[0] / "sla.sh").read_bytes()
    recognize, align = install(extensions)
    assert b"/other/python" not in (recognize / "sla.sh").read_bytes()
    (align / "sla-align.cmdi").unlink()
    dead = 2**22 + 1  # above Linux's largest process number
    unfinished = align / f".sla.bat.{socket.gethostname()}-{namespace()}-{dead}-0123abcd.partial"
    unfinished.write_text("@echo")
    install(extensions)
    assert (align / "sla-align.cmdi").exists() and not unfinished.exists()
    (align / "sla-align.cmdi").unlink()
    given = ("elan", "install", "--extensions", str(extensions), "--uninstall")
    assert "--run has no effect with --uninstall" in refused(*given, "--run", "x")
    sla(*given)
    assert not list(extensions.iterdir())


def test_what_cannot_be_installed_is_refused(extensions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(extensions)
    assert "no such folder" in refused("elan", "install", "--extensions", "gone", "--run", "../../../old/runs/adapter")
    assert "no such folder" in refused("elan", "install", "--extensions", "gone", "--uninstall")
    with pytest.raises(SlaError, match="a character that ELAN's files cannot hold"):
        installing.install(extensions, {"run": "a\x01b"})
    assert "no such run: gone" in refused("elan", "install", "--extensions", ".", "--run", "gone")
    table, run = extensions.parent / "h.csv", str(extensions.parents[2] / "old" / "runs" / "adapter")
    table.write_text("id,gloss\n", encoding="utf-8")
    assert "is an artifact of sla (run)" in refused("elan", "install", "--extensions", run, "--run", run)
    given = ("elan", "install", "--extensions", ".", "--run", run, "--lm", str(table))
    assert "neither ARPA nor KenLM binary" in refused(*given)
    (text := extensions.parent / "other.txt").write_text("A B\nB A\n", encoding="utf-8")
    sla("lm", "estimate", str(text), "--order", "2", "--fallback", "-o", str(other := extensions.parent / "other.arpa"))
    assert "does not know 4 of 4 glosses" in refused(*given[:-1], str(other))
    assert not list(extensions.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="the places are those of Linux")
def test_the_elan_that_is_installed_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path = tmp_path / "home [1]"  # no pattern
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setitem(installing.PLACES, "linux", ("~/ELAN*/app", "~/ELAN*/lib/app"))
    assert "no ELAN was found" in refused("elan", "install", "--uninstall")
    (tmp_path / "ELAN_7-1" / "app").mkdir(parents=True)
    assert installing.find_extensions() == tmp_path / "ELAN_7-1" / "app" / "extensions"
    (tmp_path / "ELAN_6-9" / "lib" / "app").mkdir(parents=True)
    assert "ELAN is installed several times" in refused("elan", "install", "--uninstall")


def test_a_python_that_is_gone_is_a_sentence(extensions: Path) -> None:
    folder = install(extensions)[0]
    script = (folder / "sla.sh").read_text().replace(sys.executable, "/gone/python")
    answer = subprocess.run(["sh"], input=script, capture_output=True, text=True, check=False)
    assert answer.returncode == 2 and answer.stdout.startswith("error: this Python is gone: /gone/python")
    assert answer.stdout.splitlines()[-1] == "RESULT: FAILED."


@pytest.mark.ci
def test_it_starts_without_a_locale_in_a_folder_that_cannot_be_written(extensions: Path) -> None:
    folder, home = install(extensions)[0], extensions.parents[2]
    video, out = signed(home / "视频 ü.mkv", "NORD REGEN"), home / "out 视.xml"
    folder.chmod(0o555)
    text = call_text(video=video, run=home / "old/runs/adapter", glosses=out)
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
    answer = subprocess.run(
        ["sh", "sla.sh"], input=text.encode(), capture_output=True, cwd=folder, env=environment, check=False
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert b"NORD" in out.read_bytes() and answer.stdout.endswith(b"RESULT: DONE.\n")


@pytest.mark.ci
def test_cancel_leaves_no_process_and_no_file(extensions: Path) -> None:
    """ELAN sends SIGTERM to the process that it started."""
    folder, home = install(extensions)[0], extensions.parents[2]
    video, out = signed(home / "long.mkv", "NORD REGEN SONNE GRAD " * 200), home / "out" / "glosses.xml"
    out.parent.mkdir()
    out.touch()
    process = subprocess.Popen(["sh", "sla.sh"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(call_text(video=video, run=home / "old/runs/adapter", glosses=out).encode())
    process.stdin.close()
    while not process.stdout.readline().endswith(b"frames\n"):
        assert process.poll() is None
    process.terminate()
    process.stdout.read()  # ends only when no process holds it
    assert process.wait(300) == 143 and out.read_bytes() == b"" and list(out.parent.iterdir()) == [out]


@pytest.fixture
def elan(shared: Path) -> Path:
    """ELAN's own classes as a client."""
    if shutil.which("javac") is None:
        pytest.skip("needs a JDK")
    return shared / "tools" / "elan" / "run.sh"


@pytest.mark.ci
def test_elan_reads_what_the_recognisers_give(extensions: Path, elan: Path) -> None:
    recognize, align = install(extensions)
    home = extensions.parents[2]
    video = signed(home / "mein Video & 'x'.mkv", "NORD REGEN SONNE GRAD")
    answer = run_elan(elan, recognize, f"video={video}", "tier=Glossen")
    assert answer.returncode == 0 and "recognizer sla-recognize, type local, runs here true" in answer.stdout
    eaf = home / "x.eaf"
    run = str(home / "old/runs/adapter")
    signs = sla("transcribe", str(video), "--run", run, "-o", str(eaf), "--force", "-q")["recordings"][0]["signs"]
    lines = [f"  {round(one['start'] * 1000)} {round(one['end'] * 1000)} {one['gloss']}" for one in signs]
    assert "\n".join([f"tier Glossen: {len(lines)}", *lines]) in answer.stdout
    sentence = (0.0, signs[-1]["end"], " ".join(one["gloss"] for one in signs))
    spans = write_tier(home / "given.xml", [sentence])
    answer = run_elan(elan, align, f"video={video}", f"given={spans}")
    assert answer.returncode == 0 and f"tier SIGN-aligned: {len(signs)}" in answer.stdout
    answer = run_elan(elan, align, f"video={video}")
    assert answer.returncode == 1 and "report: error: Tier with the glosses: nothing is chosen" in answer.stdout


def run_elan(elan: Path, folder: Path, *parameters: str) -> subprocess.CompletedProcess[str]:
    command = ["bash", str(elan), str(folder), *parameters]
    return subprocess.run(command, capture_output=True, text=True, check=False)
