"""The command line is fast and explains itself."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from sla_cli.cli.main import COMMANDS as LISTED
from sla_cli.cli.main import app, imported
from sla_cli.cli.schema import names
from sla_cli.config.presets import PRESETS
from sla_cli.prep.corpora import corpora

# Every command, with those of its group: `prep`, `prep phoenix2014`, …
COMMANDS = [
    one for name in LISTED for one in (name, *(f"{name} {inner}" for inner in getattr(imported(name), "commands", ())))
]
HEAVY = [
    "torch",
    "timm",
    "loralib",
    "cv2",
    "h5py",
    "numpy",
    "scipy",
    "dask",
    "jinja2",
    "pyctcdecode",
    "kenlm",
    "matplotlib",
]


def sla(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "sla_cli", *arguments], capture_output=True, text=True, check=False)


def test_importing_the_command_line_imports_nothing_heavy() -> None:
    code = f"import sys, sla_cli.cli.main; print([name for name in {HEAVY} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_ctrl_c_during_the_imports_prints_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    run = [sys.executable, "-m", "sla_cli", "--version"]
    answer = subprocess.run(run, env={**os.environ, "PYTHONPATH": path}, capture_output=True, check=False)
    assert (answer.returncode, answer.stderr) == (130, b"")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_every_option(command: str) -> None:
    answer = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200"}, prog_name="sla")
    assert answer.exit_code == 0
    assert f"sla {command} " in answer.stdout
    described = get_command(app)
    for name in command.split():
        _, described, _ = described.resolve_command(described.make_context("sla", [], resilient_parsing=True), [name])  # type: ignore[attr-defined]
    assert described.help
    if command in LISTED:
        assert described.help.startswith(LISTED[command]), "its own help begins with the text in `sla --help`"
    for option in described.params:
        assert option.help, option.name  # type: ignore[attr-defined]
        assert option.param_type_name == "argument" or option.opts[0] in answer.stdout


@pytest.mark.parametrize("command", ["info no-such-file", "lm score no-such-file text"])
@pytest.mark.parametrize(
    ("options", "level"),
    [("", "INFO"), ("-q", "WARNING"), ("--verbose", "DEBUG"), ("-q -v", "DEBUG"), ("-v -q", "DEBUG")],
)
def test_every_command_takes_quiet_and_verbose_before_and_after_its_arguments(
    command: str, options: str, level: str
) -> None:
    name, _, arguments = command.partition(" no-")
    for line in (f"{command} {options}", f"{name} {options} no-{arguments}"):
        assert CliRunner().invoke(app, line.split()).exit_code == 2
        assert logging.getLevelName(logging.getLogger("sla").level) == level


def test_help_lists_all_commands_and_completion() -> None:
    text = sla("--help").stdout
    assert all(command in text for command in LISTED)
    assert "--install-completion" in text


def test_unknown_command_and_option_suggest_the_nearest() -> None:
    command, option = sla("trian"), sla("train", "--varaint", "lora")
    assert (command.returncode, option.returncode) == (2, 2)
    assert "train" in command.stderr
    assert "--variant" in option.stderr


def test_unknown_key_suggests_the_nearest() -> None:
    answer = sla("train", "--set", "train.epoch=3")
    assert answer.returncode == 2
    assert "unknown key train.epoch" in answer.stderr
    assert "'epochs'" in answer.stderr
    assert answer.stdout == ""


def test_no_colour_when_asked_and_none_in_pipes() -> None:
    assert "\x1b[" not in sla("--help").stdout
    assert "\x1b[" not in sla("prep", "phoenix2014", "/no/such/folder").stderr


@pytest.mark.parametrize(("wish", "coloured"), [("", True), ("1", False)])
def test_errors_on_a_terminal_are_red_unless_no_colour_is_wished(wish: str, coloured: bool) -> None:
    answer = CliRunner().invoke(app, ["info", "no-such-file"], env={"NO_COLOR": wish}, color=True)
    assert answer.exit_code == 2
    assert ("\x1b[" in answer.stderr) == coloured


@pytest.mark.parametrize(
    ("command", "place"),
    [
        *((f"{name} --work", "--work") for name in ("decode", "prep phoenix2014 x", "lm estimate", "transcribe x")),
        *(("prep folder x --part", "--part"), ("train --init-from", "--init-from"), ("split --fold", "--fold")),
        *(("score x.tsv --sclite", "--sclite"), ("decode -o", "-o"), ("elan install --extensions", "--extensions")),
        *(("info", "sla info"), ("merge a", "a")),
    ],
)
def test_an_empty_text_is_not_the_default_and_not_this_folder(
    command: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    forms = [[*command.split(), ""], *([f"{command}=".split()] if place.startswith("--") else [])]
    for arguments in forms:
        answer = CliRunner().invoke(app, arguments)
        assert answer.exit_code == 2
        assert f"error: {place} is followed by an empty text" in answer.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("transcribe x -o a.eaf --output=a.srt", "warning: --output is given several times: only the last one counts"),
        ("lm score x y --split dev --split test", "warning: --split is given several times: only the last one counts"),
        ("train x --set train.lr=1 --set train.lr=0.5", "warning: --set train.lr is given several times: only the"),
        ("annotate x --open --no-open", "warning: --open is given several times: only the last one counts"),
        ("transcribe x --hotword A --hotword B --force --force", ""),  # can be repeated; says the same again
        ("transcribe x -o=a.eaf", "error: -o is followed by =\nhint: Write -o and a space before the value."),
    ],
)
def test_an_option_that_is_given_several_times_or_with_a_sign_that_would_be_part_of_its_value(
    command: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = CliRunner().invoke(app, command.split())
    assert answer.exit_code == 2
    assert answer.stderr.startswith(told or "error: no such video: x")


def test_the_one_option_that_may_be_empty_and_a_setting_of_a_run(tmp_path: Path) -> None:
    for command in (["annotate", "x", "--translation", ""], ["train", "--set", "data.path="]):
        answer = CliRunner().invoke(app, [*command, "--work", str(tmp_path)])
        assert answer.exit_code == 2 and "empty text" not in answer.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full, which is Linux's")
def test_a_full_disk_at_the_end_of_a_pipe_is_said_in_one_sentence() -> None:
    with Path("/dev/full").open("w") as full:
        answer = subprocess.run(
            [sys.executable, "-m", "sla_cli", "--version"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1
    assert "cannot be written to standard output: No space left" in answer.stderr


def test_a_result_that_a_limit_of_files_cuts_is_said_in_one_sentence(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as out:
        run = ["sh", "-c", f"ulimit -f 0; exec {sys.executable} -m sla_cli --version"]
        answer = subprocess.run(run, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    said = "error: the result cannot be written to standard output: File too large\n"
    assert (answer.returncode, answer.stderr) == (2, said)


@pytest.mark.parametrize(("command", "code"), [("info no-such-file", 2), ("lm score no.arpa", 2), ("--version", 0)])
def test_messages_that_cannot_be_written_change_no_exit_code(command: str, code: int) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    full = os.open("/dev/full", os.O_WRONLY) if Path("/dev/full").exists() else writer
    for nowhere in {writer, full}:
        run = [sys.executable, "-m", "sla_cli", *command.split()]
        answer = subprocess.run(run, stdout=subprocess.DEVNULL, stderr=nowhere, check=False)
        assert answer.returncode == code
        os.close(nowhere)


@pytest.mark.parametrize("command", ["--version", "--help", "schema score"])
def test_a_result_that_nobody_reads_has_the_exit_code_of_other_programs(command: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    run = [sys.executable, "-m", "sla_cli", *command.split()]
    answer = subprocess.run(run, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (answer.returncode, answer.stderr) == (141, b"")


@pytest.mark.parametrize(
    ("words", "choices"),
    [
        ("sla prep", sorted(corpora())),
        ("sla prep phoenix2014 --labels", ["auto", "none", "phoenix2014", "phoenix2014t", "phoenix2014t-vac", "raw"]),
        ("sla schema", names()),
        ("sla train --preset", sorted(PRESETS)),
        ("sla decode --engine", ["prefix", "pyctcdecode"]),
        ("sla lm score --split", ["dev", "test", "train"]),
        ("sla lm score '' --split", ["dev", "test", "train"]),
    ],
)
def test_the_shell_completes_closed_choices(words: str, choices: list[str]) -> None:
    environment = {"_SLA_COMPLETE": "complete_bash", "COMP_WORDS": f"{words} ", "COMP_CWORD": str(len(words.split()))}
    assert sorted(CliRunner().invoke(app, env=environment, prog_name="sla").stdout.split()) == choices
