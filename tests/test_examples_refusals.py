"""Scripts in examples/ end with one sentence and exit code 2 on input that a user can correct, as `sla` does."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: an empty file, an XML file, and unreadable recordings of two words by three people."""
    monkeypatch.chdir(tmp_path)
    for word in ("help", "hot"):
        for person in (1, 2, 3):
            path = tmp_path / "signs" / word / f"s{person}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
    (tmp_path / "one" / "help").mkdir(parents=True)
    (tmp_path / "one" / "help" / "s1.mp4").write_bytes(b"")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "page.eaf").write_text("<html/>", encoding="utf-8")
    return tmp_path


SIGNS = ["compose_signs.py", "signs", "out", "--folds", "3", "--people", "1"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compose_signs.py", "none", "out"], "error: none: no path of a video matches --pattern"),
        (["compose_signs.py", "one", "out"], "error: one: person01 signs only one word, HELP"),
        ([*SIGNS, "--folds", "4"], "error: --folds 4: there are 3 people"),
        ([*SIGNS, "--people", "2"], "error: --people 2: fold 1 leaves only 1 training people"),
        ([*SIGNS, "--every", "0"], "error: argument --every: 0 is less than 1"),
        ([*SIGNS, "--pattern", "("], "error: --pattern (: not a regular expression: missing )"),
        ([*SIGNS, "--pattern", "(?P<gloss>.*)"], "error: --pattern (?P<gloss>.*) needs both groups"),
        ([*SIGNS, "--pattern", "(?P<gloss>.*)/(?P<person>.*)"], "s1.mp4: the person is 's1.mp4' by --pattern"),
        (SIGNS, "s1.mp4: no frame can be read"),
        (["compose_signs.py", "signs", "empty", *SIGNS[3:]], "error: cannot read or write empty/frames"),
        (["draw_elan.py", "draw", "out", "--sentences", "0"], "Invalid value for '--sentences'"),
        (["draw_elan.py", "correct", "truth", "none.eaf"], "error: cannot read none.eaf: No such file or directory"),
        (["draw_elan.py", "correct", "truth", "empty"], "error: empty, line 1: not XML"),
        (["draw_elan.py", "correct", "truth", "page.eaf"], "html is not an annotation document of ELAN"),
        (["picture.py", "run", "video.mp4", "none/out.webp"], "error: none/out.webp is not a file called *.webp"),
        (["picture.py", "run", "video.mp4", "out.xyz"], "error: out.xyz is not a file called *.webp"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_a_python_script(
    folder: Path,
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(EXAMPLES / arguments[0]), run_name="__main__")
    err = capfd.readouterr().err
    assert ended.value.code == 2
    assert message in err and "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["four_lines.sh"], "error: usage: examples/four_lines.sh DATA"),
        (["five_folds.sh", "signs"], "error: usage: examples/five_folds.sh RECORDINGS WEIGHTS [WORK]"),
        (["five_folds.sh", "signs", "none"], "error: no such weights file: none"),
        (["real_signing.sh"], "error: usage: examples/real_signing.sh SHARED [WORK]"),
        (["real_signing.sh", "none"], "error: no such file: none/tools/compose_sentences.py"),
        (["linguist.sh", "empty"], "empty"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_a_shell_script(folder: Path, arguments: list[str], message: str) -> None:
    command = ["bash", str(EXAMPLES / arguments[0]), *arguments[1:]]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert message in ended.stderr and len(ended.stderr.splitlines()) == 1
