"""The `sh` blocks of README and docs, run as if pasted."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from typer.testing import CliRunner

from sla_cli.cli.main import app

ROOT = Path(__file__).parents[1]
OF_THE_SHELL = set("$<>|;&*")


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def statements(block: str) -> Iterator[str]:
    """Its commands, each with its continued lines, here-document or loop."""
    lines = iter(block.splitlines())
    for line in lines:
        parts = [line]
        if line.endswith("\\"):
            parts.append(next(lines))
        for end in ["done"] * line.startswith("for ") + ["END"] * ("<<'END'" in line):
            while parts[-1] != end:
                parts.append(next(lines))
        if line.strip() and not line.startswith("#"):
            yield "\n".join(parts)


@dataclass
class Shell:
    """Runs the commands of a page, one after the other, in a folder.

    Attributes:
        smaller: (arguments) to (arguments) of a command of sla that would take too long.
        variables: of the environment, which `export` adds to.
    """

    folder: Path
    smaller: Callable[[list[str]], list[str] | None]
    variables: dict[str, str] = field(default_factory=dict)

    def run(self, statement: str) -> tuple[int, str]:
        """The exit code, and what was printed."""
        if given := re.fullmatch(r"python - <<'END'\n(.*)\nEND", statement, re.DOTALL):
            return self._python(given[1])
        line, _, target = statement.partition(" > ")
        words = shlex.split(line, comments=True)
        plain = not OF_THE_SHELL & set("".join(words)) and "\n" not in statement.replace("\\\n", "")
        if words[0] == "export" and plain:
            self.variables.update(word.split("=", 1) for word in words[1:])
            return 0, ""
        if words[0] == "sla" and plain:
            return self._sla(words[1:], target)
        return self._bash(statement)

    def _sla(self, arguments: list[str], target: str) -> tuple[int, str]:
        """In this process, which has imported torch already: a start costs seconds. `target` gets standard output."""
        fewer = self.smaller(arguments)
        if fewer is None:
            return 0, ""
        with contextlib.chdir(self.folder):
            answer = CliRunner().invoke(app, fewer, env=dict(self.variables))
        if answer.exception and not isinstance(answer.exception, SystemExit):
            raise answer.exception
        if target:
            (self.folder / target).write_text(answer.stdout, encoding="utf-8")
        return answer.exit_code, answer.output

    def _python(self, code: str) -> tuple[int, str]:
        """In this process too."""
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(code, "here-document", "exec"), {})
        return 0, printed.getvalue()

    def _bash(self, statement: str) -> tuple[int, str]:
        sla = f'sla() {{ "{sys.executable}" -m sla_cli "$@"; }}; python() {{ "{sys.executable}" "$@"; }}\n'
        environment = {**os.environ, **self.variables, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
        command = ["bash", "-ec", sla + statement]
        answer = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        return answer.returncode, answer.stdout + answer.stderr
