"""A training run on disk: settings, glosses, metrics and weights in one folder. docs/formats.md has the list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sla_cli.config import Config, from_dict, read_toml, to_toml
from sla_cli.errors import FormatError, SlaError
from sla_cli.formats.atomic import atomic_write
from sla_cli.formats.store import Split
from sla_cli.formats.table import read_text

NAME, VERSION = "sla-run", 1


class Run:
    """Paths and plain-text parts of a run folder; weights are model/checkpoint.py's matter."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.best = path / "best.safetensors"
        self.last = path / "last.safetensors"
        self.state = path / "state.pt"
        self.metrics = path / "metrics.tsv"
        self.curves = path / "curves.png"
        self.tensorboard = path / "tensorboard"

    def create(self, config: Config, glosses: tuple[str, ...], facts: dict[str, Any]) -> None:
        """Write what stays fixed for the whole run. `facts`: store path, corpus, digests, preset."""
        import tomli_w

        self.path.mkdir(parents=True, exist_ok=True)
        header = tomli_w.dumps({"format": NAME, "version": VERSION, **facts})
        for name, text in (
            ("glosses.txt", "".join(f"{gloss}\n" for gloss in glosses)),
            ("config.toml", to_toml(config)),
            ("run.toml", header),  # last: its presence says that the others are there
        ):
            with atomic_write(self.path / name) as temporary:
                temporary.write_text(text, encoding="utf-8")

    @property
    def exists(self) -> bool:
        return (self.path / "run.toml").is_file()

    @property
    def facts(self) -> dict[str, Any]:
        """Store path, corpus, digests, preset. Raises SlaError or FormatError where this is no run."""
        if not self.exists:
            raise SlaError(f"{self.path} is not a run: no run.toml in it", "`sla train` makes runs.")
        facts = read_toml(self.path / "run.toml")
        if facts.get("format") != NAME or facts.get("version") != VERSION:
            raise FormatError(
                f"{self.path}: {facts.get('format')} version {facts.get('version')}, this sla reads {NAME} {VERSION}",
                "Train again with `sla train`.",
            )
        return facts

    @property
    def config(self) -> Config:
        return from_dict(read_toml(self.path / "config.toml"))

    @property
    def glosses(self) -> tuple[str, ...]:
        return tuple(read_text(self.path / "glosses.txt").split("\n")[:-1])


def check_glosses(run: Run, split: Split) -> None:
    """Raises SlaError where a run was trained on other glosses than the store's."""
    if run.glosses == split.vocabulary:
        return
    ours, theirs = set(run.glosses), set(split.vocabulary)
    raise SlaError(
        f"the glosses of run {run.path.name} ({len(ours)}) do not match those of {split.path} ({len(theirs)}): "
        f"{len(theirs - ours)} are new, {len(ours - theirs)} are gone",
        "Give the store that the run was trained on with --store, or train again on this one.",
    )
