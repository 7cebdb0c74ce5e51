"""A training run on disk: settings, glosses, metrics and weights in one folder. docs/formats.md has the list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sla_cli.atomic import atomic_write
from sla_cli.config import Config, from_dict, read_toml, to_toml
from sla_cli.errors import FormatError, SlaError, some
from sla_cli.formats.store import Split
from sla_cli.formats.text import read_text
from sla_cli.formats.work import store_now

NAME, VERSION = "sla-run", 1
FACTS = ("store", "corpus", "preset", "digests")  # beside format and version
AGAIN = "Copy the run again, or train again with `sla train`."


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
        """Store path, corpus, digests, preset. Raises SlaError or FormatError where this is no run or a damaged one."""
        if not self.exists:
            raise SlaError(f"{self.path} is not a run: no run.toml in it", "`sla train` makes runs.")
        facts = _read(file := self.path / "run.toml")
        _need(("format", "version"), facts, file)
        if facts["format"] != NAME or facts["version"] != VERSION:
            raise FormatError(
                f"{self.path}: {facts['format']} version {facts['version']}, this sla reads {NAME} {VERSION}",
                "Train again with `sla train`.",
            )
        _need(FACTS, facts, file)
        _need(("train", "dev"), facts["digests"], file, "digests.")
        return facts

    @property
    def store(self) -> Path:
        """The folder of the store that it was trained on, also where the work folder has moved. Raises SlaError."""
        return store_now(Path(self.facts["store"]), self.path, "--store (`sla emit`, `sla decode`)")

    @property
    def config(self) -> Config:
        """Its settings; none may be missing, since a default in its place could be another model. Raises SlaError."""
        values = _read(file := self.path / "config.toml")
        try:
            config = from_dict(values)
        except SlaError as error:
            raise FormatError(f"{file}: {error.message}", error.hint) from error
        for section, settings in asdict(config).items():
            _need(settings, values.get(section, {}), file, f"{section}.")
        return config

    @property
    def glosses(self) -> tuple[str, ...]:
        return tuple(read_text(self.path / "glosses.txt").split("\n")[:-1])


def _read(file: Path) -> dict[str, Any]:
    """A TOML file of a run. Raises FormatError."""
    try:
        return read_toml(file)
    except SlaError as error:
        raise FormatError(error.message, AGAIN) from error


def _need(keys: Iterable[str], values: Mapping[str, Any], file: Path, section: str = "") -> None:
    """Raise FormatError where a file that was cut lacks keys."""
    if missing := [f"{section}{key}" for key in keys if key not in values]:
        raise FormatError(f"{file}: damaged or incomplete, without {some(missing)}", AGAIN)


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
