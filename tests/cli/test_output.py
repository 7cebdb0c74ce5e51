"""The rule of every --output: a command replaces only files of the kind that it writes, and most only with --force."""

from __future__ import annotations

import os
import re
import shutil
import stat
from pathlib import Path

import pytest
import typer
from recordings import copy_run, signed
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from sla_cli.annotation.formats import KINDS, suffix_of
from sla_cli.cli.main import COMMANDS, app
from sla_cli.system import atomic

STORE, RUN = "old/stores/phoenix2014", "old/runs/adapter"
EMISSIONS, LM = "old/emissions/adapter/dev.h5", "old/gloss.arpa"
# The names of these hold digests, so they are patterns: `named` puts the only path in their place.
HYPOTHESES = ("old/hypotheses/adapter/*.tsv", "old/hypotheses/lora/*.tsv")
SCORE, TUNING = "old/scores/*", f"{RUN}/tuning/*"
ALIGN = f"align {EMISSIONS} --store {STORE}"
# Command to the extension of its file; -o comes last.
FILES = {
    f"emit {RUN} --store {STORE} --device cpu -o": ".h5",
    f"decode {EMISSIONS} -o": ".tsv",
    f"decode {EMISSIONS} --format ctm -o": ".ctm",
    f"{ALIGN} -o": ".tsv",
    f"{ALIGN} --format ctm -o": ".ctm",
    f"{ALIGN} --suspicious -o": ".tsv",
    f"next {STORE} --split dev --budget 1 --run {RUN} -o": ".tsv",
    f"lm estimate {STORE} --order 2 --fallback -o": ".arpa",
    f"lm score {LM} text.txt -o": ".tsv",
    f"compare {' '.join(HYPOTHESES)} --ref {STORE} -o": ".tsv",
    f"table {RUN} --work old --search greedy -o": ".md",
    f"report {SCORE} -o": ".html",
    f"info {STORE} --sheet": ".png",
    f"transcribe a.mkv --run {RUN} --device cpu -o": ".json",
    f"live a.mkv --run {RUN} --device cpu -o": ".srt",
}
FOLDERS = (f"store export {STORE} -o", f"merge {STORE} other -o", f"export {RUN} -o")
ARTIFACTS = {
    "store": f"{STORE}/clips.h5",
    "receipt": f"{STORE}/receipt.json",
    "weights": f"{RUN}/best.safetensors",
    "settings": f"{RUN}/config.toml",
    "emissions": EMISSIONS,
    "hypotheses": HYPOTHESES[0],
    "model": LM,
    "score": f"{SCORE}/clips.tsv",
    "tuning": f"{TUNING}/tuned.json",
}
UNASKED = ("lm score", "compare", "report")  # replace what they wrote before without --force, and have no such option
TABLES = (f"{ALIGN} --suspicious", *UNASKED, "table")
BY_EXTENSION = ("transcribe", "live")  # the extension of the file is that of its format
WRITES = {"emit": "emissions", "decode": "hypotheses", "lm estimate": "model"}
commands = pytest.mark.parametrize("command", FILES)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy_run(tmp_path)
    signed(tmp_path / "a.mkv", "NORD REGEN")
    (tmp_path / "text.txt").write_text("NORD REGEN\nSONNE\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLA_WORK", "work")


def named(pattern: str) -> str:
    """The only path of a pattern."""
    [path] = Path().glob(pattern) if "*" in pattern else [Path(pattern)]
    return str(path)


def run(command: str, *arguments: object) -> tuple[int, str]:
    answer = CliRunner().invoke(app, [*map(named, command.split()), *map(str, arguments)])
    if answer.exception and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    return answer.exit_code, " ".join(answer.stderr.split())


def forced(command: str) -> tuple[str, ...]:
    return () if command.startswith(UNASKED) else ("--force",)


def refused(command: str, *arguments: object) -> str:
    code, error = run(command, *arguments)
    assert code == 2, f"{command}: {error}"
    return error


def test_these_are_all_commands_with_an_output() -> None:
    found, group = set(), get_command(app)
    assert isinstance(group, TyperGroup)
    for name in COMMANDS:
        command = group.resolve_command(typer.Context(group), [name])[1]
        for sub, one in getattr(command, "commands", {"": command}).items():
            if any({"--output", "--sheet"} & set(option.opts) for option in one.params):
                found.add(f"{name} {sub}".strip())
                has = any("--force" in option.opts for option in one.params)
                assert has != (f"{name} {sub}".strip() in UNASKED), f"{name} {sub}"
    assert found == {
        " ".join(line.split()[: 2 if line.startswith(("lm", "store")) else 1]) for line in (*FILES, *FOLDERS)
    }


@commands
def test_no_other_artifact_is_replaced_even_with_force(command: str) -> None:
    link = Path(f"link{FILES[command]}")
    for kind, pattern in ARTIFACTS.items():
        name = named(pattern)
        if "--format" not in command and any(command.startswith(one) and WRITES[one] == kind for one in WRITES):
            continue  # may be replaced by one of the same kind
        before = Path(name).read_bytes()
        link.unlink(missing_ok=True)
        link.symlink_to(name)
        for path in (link,) if command.startswith(BY_EXTENSION) else (name, link):
            error = refused(command, path, *forced(command))
            assert "is never replaced" in error or "would replace an input" in error, error
        assert Path(name).read_bytes() == before
        assert link.is_symlink()


@commands
@pytest.mark.parametrize("what", ["pipe", "device", "link to nowhere", "of the system"])
def test_nothing_but_a_regular_file_is_replaced(command: str, what: str) -> None:
    path = Path(f"/proc/self/out{FILES[command]}" if what == "of the system" else f"out{FILES[command]}")
    if what == "pipe":
        os.mkfifo(path)
    elif what == "link to nowhere":
        path.symlink_to("nowhere")
    elif what == "device":
        try:
            os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        except PermissionError:
            pytest.skip("only root makes devices")
    before = path.lstat() if what != "of the system" else None
    assert str(path) in refused(command, path, *forced(command))
    assert before is None or path.lstat().st_ino == before.st_ino


THEIRS = {
    "notes": b"mine",
    "video": b"\x1aE\xdf\xa3\x93B\x82\x88matroska",
    "annotation": b'<?xml version="1.0" encoding="UTF-8"?>\n<ANNOTATION_DOCUMENT AUTHOR="" FORMAT="3.0"/>\n',
    "corpus": b"id|folder|signer|annotation\nclip|clip/1/*.png|Signer01|NORD\n",
    "page": b"<!doctype html>\n<html><title>mine</title></html>\n",
    "picture": b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "json": b'{"mine": 1}\n',
}


@commands
def test_a_file_of_another_kind_is_never_replaced(command: str) -> None:
    path = Path(f"mine{FILES[command]}")
    for content in THEIRS.values():
        path.write_bytes(content)
        error = refused(command, path, *forced(command))
        assert f"{path} is not " in error and "remove it first" in error
        assert path.read_bytes() == content
    for name in ("new.pdf", "new.csv.gz"):
        error = refused(command, name, *forced(command))
        assert f"{name} would not hold what its ending" in error or "has the extension" in error
        assert not Path(name).exists()


@commands
def test_an_empty_file_is_replaced(command: str) -> None:
    path = Path(f"empty{FILES[command]}")
    path.touch()
    code, error = run(command, path, *forced(command))
    assert code == 0, error
    assert path.stat().st_size


@commands
def test_what_the_command_wrote_is_replaced_but_not_if_it_is_read_only(command: str) -> None:
    path = Path(f"out{FILES[command]}")
    for _ in range(2):
        code, error = run(command, path, *forced(command))
        assert code == 0, error
    path.chmod(0o444)
    before, there = path.read_bytes(), set(Path().iterdir())
    code, error = run(command, path, *forced(command))
    assert code == 2 and "read-only" in error
    assert path.read_bytes() == before and set(Path().iterdir()) == there


@commands
def test_a_link_stays_a_link_and_its_file_is_replaced(command: str) -> None:
    path, there = Path(f"link{FILES[command]}"), Path(f"elsewhere/kept{FILES[command]}")
    there.parent.mkdir()
    there.touch()
    path.symlink_to(there)
    for _ in range(2):
        code, error = run(command, path, *forced(command))
        assert code == 0, error
        assert path.is_symlink() and there.stat().st_size
    others = {one.name for one in there.parent.iterdir() if "~" not in one.name} - {there.name}
    assert others <= {f"{there.name}.receipt.json"} and not Path(f"{path}.receipt.json").exists()


def test_a_transcript_replaces_one_of_its_kind_and_no_other() -> None:
    kinds = " ".join(f"--format {kind}" for kind in KINDS)
    assert [run(f"transcribe a.mkv --run {RUN} --device cpu {kinds} --force -o", "out")[0] for _ in range(2)] == [0, 0]
    for kind in KINDS:
        path = Path("out", f"a{suffix_of(kind)}")
        for content in THEIRS.values():
            path.write_bytes(content)
            refused(f"transcribe a.mkv --run {RUN} --device cpu --force -o", path)
            assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("lm estimate text.txt --order 2 --fallback -o", "text.txt"),
        ("lm estimate old/stores/phoenix2014 --order 2 --fallback --dev text.txt -o", "text.txt"),
        ("lm score old/gloss.arpa text.txt -o", "text.txt"),
        ("compare one.trn two.trn --ref text.txt -o", "one.trn"),
        ("compare one.trn two.trn --ref text.txt -o", "text.txt"),
        (f"decode {EMISSIONS} --lm their.arpa -o", "their.arpa"),
        (f"decode {EMISSIONS} --lm their.arpa --format ctm -o", "their.arpa"),
        (f"emit {RUN} --weights text.txt -o", "text.txt"),
        (f"transcribe a.mkv --run {RUN} --add-to mine.eaf -o", "mine.eaf"),
    ],
)
def test_no_input_is_replaced_even_with_force(command: str, name: str) -> None:
    Path("their.arpa").write_bytes(Path(LM).read_bytes())
    for file in ("one.trn", "two.trn"):
        Path(file).write_text("NORD (a)\n")
    if name == "mine.eaf":
        assert run(f"transcribe a.mkv --run {RUN} --device cpu -o", name)[0] == 0
    before = Path(name).read_bytes()
    soft, hard = (Path(f"{kind}{Path(name).suffix}") for kind in ("soft", "hard"))
    soft.symlink_to(name)
    hard.hardlink_to(name)
    for path in (name, soft, hard):
        assert "would replace an input" in refused(command, path, *forced(command))
    assert Path(name).read_bytes() == before


@pytest.mark.parametrize("name", [STORE, RUN, SCORE, TUNING])
def test_no_transcript_is_written_into_an_artifact(name: str) -> None:
    folder = Path(named(name))
    before = sorted(folder.rglob("*"))
    error = refused(f"transcribe a.mkv --run {RUN} --device cpu --format json --force -o", folder)
    assert str(folder) in error and "artifact of sla" in error
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    "command",
    [
        *(*FOLDERS, f"transcribe a.mkv --run {RUN} --device cpu --format json -o", "demo --keep"),
        *("prep folder a.mkv --work", f"train {STORE} --preset tiny --work"),
    ],
)
@pytest.mark.parametrize("pattern", [STORE, SCORE, "model"])
def test_nothing_is_written_below_an_artifact(command: str, pattern: str) -> None:
    shutil.copytree(STORE, "other")
    if pattern == "model":
        assert run(f"export {RUN} -o", "model")[0] == 0
    folder = Path(named(pattern))
    before = sorted(folder.rglob("*"))
    error = refused(command, folder / "new" / "deep")
    assert str(folder) in error and "into which nothing else is written" in error
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    "command",
    [
        *(FOLDERS[0], f"transcribe a.mkv --run {RUN} --device cpu -o", f"{ALIGN} --format eaf -o", "demo --keep"),
        *(f"score {HYPOTHESES[0]} --ref {STORE} --sclite", f"decode {EMISSIONS} -o"),
    ],
)
def test_a_name_that_leads_nowhere_is_no_folder(command: str) -> None:
    Path("link").symlink_to("nowhere")
    Path("full").mkdir()
    Path("full/mine").touch()
    below = "/h.tsv" if command.startswith("decode") else ""
    assert "link is a link that leads nowhere" in refused(command, f"link{below}")
    assert "leads over missing, which does not exist" in refused(command, f"missing/../full{below}")
    assert not Path("nowhere").exists() and not Path("missing").exists()
    assert {path.name for path in Path("full").iterdir()} == {"mine"}


@pytest.mark.parametrize(
    "command",
    [
        *(*FOLDERS, f"transcribe a.mkv --run {RUN} --device cpu -o", f"{ALIGN} --format eaf -o", "demo --keep"),
        *("prep folder a.mkv --work", f"train {STORE} --preset tiny --work", f"decode {RUN} --device cpu --work"),
        *(f"decode {EMISSIONS} -o", f"score {HYPOTHESES[0]} --ref {STORE} --sclite"),
    ],
)
def test_nothing_is_written_to_an_address(command: str) -> None:
    shutil.copytree(STORE, "other")
    before = sorted(Path().iterdir())
    assert "s3: begins an address, and sla writes only to this machine" in refused(command, "s3://bucket/x")
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize("command", FOLDERS)
@pytest.mark.parametrize("pattern", [RUN, SCORE, TUNING, "text.txt"])
def test_no_folder_of_another_artifact_is_written_into(command: str, pattern: str) -> None:
    name = named(pattern)
    shutil.copytree(STORE, "other")
    before = {path: path.read_bytes() for path in [Path(name), *Path(name).rglob("*")] if path.is_file()}
    for force in ((), ("--force",)):
        refused(command, name, *force)
    assert {path: path.read_bytes() for path in before} == before


def test_a_folder_with_a_receipt_of_another_program_may_be_written_into() -> None:
    Path("mine", "deep").mkdir(parents=True)
    Path("mine", "receipt.json").write_text('{"total": 12.5}')
    for folder in ("mine", "mine/deep"):
        assert run(f"decode {EMISSIONS} -o", Path(folder, "h.tsv"))[0] == 0


def test_a_file_of_somebody_where_the_receipt_will_be_stays() -> None:
    """Also if the artifact itself is not there."""
    Path("new.arpa.receipt.json").write_text('{"my": "file"}')
    for force in ((), ("--force",)):
        assert "new.arpa.receipt.json" in refused(f"lm estimate {STORE} --order 2 --fallback -o", "new.arpa", *force)
    assert Path("new.arpa.receipt.json").read_text() == '{"my": "file"}'


@pytest.mark.parametrize(
    ("command", "name"),
    [
        *((f"transcribe a.mkv --run {RUN} --device cpu -o", f"a{suffix_of(kind)}") for kind in ("textgrid", "srt")),
        *((f"decode {EMISSIONS} --format {kind} -o", f"h.{kind}") for kind in ("ctm", "trn", "jsonl", "csv")),
        (f"{ALIGN} --format ctm -o", "t.ctm"),
        (f"lm estimate {STORE} --order 2 --fallback -o", "m.arpa"),
        *((command, f"t{suffix}") for command, suffix in FILES.items() if command.startswith(TABLES)),
    ],
)
def test_a_replaced_file_that_cannot_tell_whether_it_was_corrected_is_kept(command: str, name: str) -> None:
    path = Path(name)
    assert run(command, path)[0] == 0
    Path(f"{name}.receipt.json").unlink(missing_ok=True)  # a model of another tool has none
    corrected = re.sub(b"NORD|REGEN|SONNE", b"SUED", path.read_bytes()) + b"\n" * command.startswith(TABLES)
    path.write_bytes(corrected)
    for _ in range(2):
        code, error = run(command, path, *forced(command))
        assert code == 0, error
        assert path.read_bytes() != corrected
    assert Path(f"{name}.~1~").read_bytes() == corrected
    path.write_bytes(corrected)
    assert run(command, path, *forced(command))[0] == 0
    assert len(list(Path().glob(f"{name}.~*~"))) == 1, "kept once; what is written again without a change is not"


TRANSCRIBE = f"transcribe a.mkv --run {RUN} --device cpu -o"


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    ("command", "out", "written"),
    [
        *((TRANSCRIBE, name, name) for name in ("a.eaf", "a.vtt", "a.html")),
        (f"{ALIGN} --format eaf -o", "out", "out/dev_3.eaf"),
        *(
            (command, f"t{suffix}", f"t{suffix}")
            for command, suffix in FILES.items()
            if not command.startswith(BY_EXTENSION)
        ),
    ],
)
def test_what_somebody_saves_while_a_file_is_written_stays(
    monkeypatch: pytest.MonkeyPatch, command: str, out: str, written: str, force: bool
) -> None:
    """Just before a new file gets its name, after everything that was there has been checked."""
    if force:
        assert run(command, out)[0] == 0
    path, flush, saved = Path(written), atomic._flush, list[bytes]()
    assert path.exists() == force

    def interrupted(temporary: Path, *how: int) -> None:
        flush(temporary, *how)
        if temporary.name.startswith(f".{path.name}."):
            path.write_bytes(b"mine")
            saved.append(path.read_bytes())

    monkeypatch.setattr(atomic, "_flush", interrupted)
    assert path.name in refused(command, out, *(forced(command) if force else ()))
    assert saved == [path.read_bytes()]
