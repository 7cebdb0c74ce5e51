"""Pages in a single file, from the template of a room with the style and the script next to it."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable
from functools import cache
from unicodedata import bidirectional

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from sla_cli import __version__
from sla_cli.core.counted import counted
from sla_cli.work.like import Like, begins

THEME_SCRIPT = "theme.js"


def render(room: str, name: str, **values: object) -> str:
    """Render `name`.html.j2, which extends base.html.j2, with `name`.js as the only script that a browser runs.

    Args:
        room: the package with the template, below sla_cli; parts that it lacks come from this one.
        values: values for the template, including `title`.
    """
    environment = _environment(room)
    script = "".join(environment.get_template(file).render() for file in (THEME_SCRIPT, f"{name}.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template(f"{name}.html.j2").render(
        **values, version=__version__, script=Markup(script), script_hash=digest
    )


def template_of(room: str, name: str) -> Template:
    """`name`.html.j2 of a room as it is, for a page without style and script."""
    return _environment(room).get_template(f"{name}.html.j2")


@cache  # it keeps its compiled templates
def _environment(room: str) -> Environment:
    environment = Environment(
        loader=ChoiceLoader([PackageLoader("sla_cli", folder) for folder in (room, "pages")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["counted"] = counted
    return environment


def page_like(generator: str, command: str) -> Like:
    """Pages of a command, which name this generator, as the block `generator` of their template does."""
    mark = f'<meta name="generator" content="{generator} '.encode()
    return Like(f"a page of {command}", lambda path: mark in begins(path, 2000), (".html", ".htm"))


def direction(glosses: Iterable[str]) -> str:
    """`rtl` if most letters of the glosses are written from right to left, else `ltr`."""
    kinds = Counter(bidirectional(char) for gloss in glosses for char in gloss)
    return "rtl" if kinds["R"] + kinds["AL"] > kinds["L"] else "ltr"
