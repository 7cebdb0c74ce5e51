"""The corpora that `sla prep` knows: each module here has `CORPORA`, one or several, and is found automatically."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from sla_cli.errors import SlaError, suggestion
from sla_cli.prep.corpus import Corpus


@cache
def corpora() -> dict[str, Corpus]:
    """All corpora by name, in the order of their modules; `folder`, for users' own recordings, is last."""
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    found = {corpus.name: corpus for module in modules for corpus in module.CORPORA}
    return dict(sorted(found.items(), key=lambda item: item[0] == "folder"))


def find_corpus(name: str) -> Corpus:
    """The corpus of a name. Raises SlaError with the nearest name."""
    if name not in corpora():
        raise SlaError(f"unknown corpus {name!r}", suggestion(name, corpora()))
    return corpora()[name]
