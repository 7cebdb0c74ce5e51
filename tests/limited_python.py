"""A Python without some modules and functions, as on other systems; it runs in a separate process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import sla_cli

# Python runs a module of this name before anything else.
SITECUSTOMIZE = """
import sys

class Without:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        hidden = name.partition(".")[0] in {hidden}
        return None if hidden else self.finder.find_spec(name, path, target)

sys.meta_path[:] = map(Without, sys.meta_path)
"""
RUN_ALL = """
import json, sys, traceback
from typer.testing import CliRunner
from sla_cli.cli.main import app

if __name__ == "__main__":  # and not in a worker that is spawned
    results = [CliRunner().invoke(app, arguments.split()) for arguments in sys.argv[1:]]
    traces = ["".join(traceback.format_exception(*result.exc_info)) * (result.exit_code == 1) for result in results]
    print(json.dumps([(one.exit_code, one.output + trace) for one, trace in zip(results, traces)]))
"""


class LimitedPython:
    """Programs run in `folder`, with the package that these tests import.

    Args:
        hidden: modules that cannot be imported.
        before: code that runs first.
    """

    def __init__(self, folder: Path, hidden: Iterable[str], before: str = "") -> None:
        site = folder / "site"
        site.mkdir()
        code = SITECUSTOMIZE.replace("{hidden}", repr(set(hidden)))
        (site / "sitecustomize.py").write_text(code + before)
        paths = os.pathsep.join([str(site), str(Path(sla_cli.__file__).parents[1])])
        self.folder, self.environment = folder, {**os.environ, "PYTHONPATH": paths, "SLA_WORK": "work"}

    def run(self, code: str, *arguments: str) -> str:
        """What a program prints."""
        program = self.folder / "site" / "program.py"
        program.write_text(code)
        command = [sys.executable, str(program), *arguments]
        answer = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    def sla(self, *commands: str) -> list[tuple[int, str]]:
        """Exit code and output of commands, all in one process."""
        return [(code, output) for code, output in json.loads(self.run(RUN_ALL, *commands))]
