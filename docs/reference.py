"""Makes the reference pages from the code: commands.md from the command line, settings.md from config/settings.py,
and json.md from the schemas of `--json`.

`python docs/reference.py` writes settings.md and json.md, and the tables of docs/figures/ into the pages (figures.py);
tests compare them. commands.md is written whenever the site is built, and git ignores it, since the names of its types
depend on the installed typer.
"""

from __future__ import annotations

import ast
import inspect
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from figures import write as write_figures
from json_page import json_page
from tables import row, table
from typer.main import get_command

from sla_cli.cli.main import COMMANDS, app
from sla_cli.config import settings
from sla_cli.config.checks import annotations_of, described

DOCS = Path(__file__).parent
INTRODUCTION = """# Settings of training

All settings in the `config.toml` of a run. `sla train --set section.key=value` changes one, `--config FILE` several; a
preset (`sla train --list`) is a named set of them. A value of another type or out of bounds is refused;
some rules, such as that a kernel is odd, are checked only with the variant that uses it.
[method](method.md) states which code each default comes from, and which defaults are our own choices. Other commands
have options in place of settings: `sla COMMAND --help` lists them.

This page is made from `sla_cli/config/settings.py` by `python docs/reference.py`."""


def commands_page() -> str:
    """Every command with its arguments and options, as `--help` describes them."""
    parts = ["# Commands", "The same as in `sla COMMAND --help`; made from the code when this site was built."]
    for name, command, context in _commands():
        parts += [f"## sla {name}", f"```text\n{command.get_usage(context)}\n```", _prose(command.help)]
        panels: dict[str, list[str]] = {}
        for param in command.get_params(context):
            record = param.get_help_record(context)
            if record is not None:
                title = getattr(param, "rich_help_panel", None) or "Arguments and options"
                panels.setdefault(title, []).append(row(f"`{record[0]}`", record[1]))
        parts += [table(["", title], rows) for title, rows in panels.items()]
    return "\n\n".join(parts) + "\n"


def settings_page() -> str:
    """Every setting with type, bounds, default and meaning."""
    comments = comments_of(inspect.getsource(settings))
    parts = [INTRODUCTION]
    for section, kind in get_type_hints(settings.Config).items():
        parts += [f"## {section}", _prose(kind.__doc__), _settings(section, kind, comments)]
    return "\n\n".join(parts) + "\n"


def comments_of(source: str) -> dict[tuple[str, str], str]:
    """(class, field) to the comment next to the field, or on the lines above it."""
    lines = source.splitlines()
    notes = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    found = {}
    for kind in (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)):
        for field in (node for node in kind.body if isinstance(node, ast.AnnAssign)):
            first = field.lineno
            while lines[first - 2].lstrip().startswith("#"):
                first -= 1
            words = [notes[number] for number in range(first, (field.end_lineno or first) + 1) if number in notes]
            found[kind.name, field.target.id] = " ".join(words)  # type: ignore[union-attr]
    return found


def _commands() -> Iterator[tuple[str, Any, Any]]:
    """Name, command and context of all commands; those of a group, such as `sla lm`, are listed separately."""
    root: Any = get_command(app)
    for name in COMMANDS:
        _, command, _ = root.resolve_command(root.make_context("sla", [], resilient_parsing=True), [name])
        for inner, one in getattr(command, "commands", {"": command}).items():
            full = f"{name} {inner}".strip()
            context = one.make_context(f"sla {full}", [], resilient_parsing=True)
            context.terminal_width = context.max_content_width = 100
            yield full, one, context


def _settings(section: str, kind: type, comments: dict[tuple[str, str], str]) -> str:
    rows = []
    for name, hint in annotations_of(kind).items():
        default = getattr(kind(), name)
        rows.append(row(f"`{section}.{name}`", _type(hint), _value(default), comments[kind.__name__, name]))
    return table(["setting", "type and bounds", "default", "meaning"], rows)


def _type(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return ", ".join(f"`{choice}`" if choice else "empty" for choice in get_args(hint))
    return described(hint)


def _value(value: Any) -> str:
    """The value as in a TOML file; text without quotes."""
    if value in ("", {}):
        return "empty"
    return f"`{list(value) if isinstance(value, tuple) else str(value).lower() if isinstance(value, bool) else value}`"


def _prose(text: str | None) -> str:
    """The paragraphs of a docstring, each on one line."""
    paragraphs = re.split(r"\n\s*\n", (text or "").strip())
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


if __name__ == "__main__":
    (DOCS / "settings.md").write_text(settings_page(), encoding="utf-8")
    (DOCS / "json.md").write_text(json_page(), encoding="utf-8")
    write_figures()
