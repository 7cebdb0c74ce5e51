"""A training run on disk: settings, glosses, metrics and weights in one folder. docs/formats.md has the list."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, asdict, fields, replace
from itertools import product
from pathlib import Path
from typing import Any

from sla_cli.artifact.json_file import read_json
from sla_cli.artifact.receipt import digest_file, read_receipt
from sla_cli.artifact.table import read_table
from sla_cli.artifact.text import is_number, is_whole, read_text
from sla_cli.artifact.version import check_version
from sla_cli.config.bounds import WEIGHTS as WEIGHTS_BY_NAME
from sla_cli.config.checks import read_values
from sla_cli.config.settings import Config, from_dict, to_toml
from sla_cli.config.toml_file import read_toml
from sla_cli.core.calibration import UNCHANGED, Calibration
from sla_cli.core.digest import digest_json
from sla_cli.errors import FormatError, SlaError, some
from sla_cli.log import ONCE, log
from sla_cli.store.clips import Split
from sla_cli.store.store import Store, is_store_of
from sla_cli.system.atomic import write_text
from sla_cli.system.file_identity import identity
from sla_cli.work.calibration import read_calibration
from sla_cli.work.folder import find_source, store_now
from sla_cli.work.hub import is_address
from sla_cli.work.run_facts import RunFacts

NAME, VERSION = "sla-run", 1
DIGEST, CONFIG_DIGEST = "digest", "config_digest"  # in run.toml: digests of its own values and of those of config.toml
WEIGHTS = "weights"  # in the receipt's results: digest of the best checkpoint
HEADER = ("format", "version", DIGEST, CONFIG_DIGEST)  # what run.toml has beside the facts
AGAIN = "Copy the run again, or train again with `sla train`."


class Run:
    """Paths and plain-text parts of a run folder; model/checkpoint.py reads and writes the weights."""

    again = ""  # what to do if something in it is damaged; "" if that depends on the file

    def __init__(self, path: Path) -> None:
        self.path = path
        self.best = path / "best.safetensors"
        self.last = path / "last.safetensors"
        self.frame_scores = path / "frame_scores.safetensors"
        self.calibration = path / "calibration.json"
        self.domain = path / "domain.safetensors"
        self.state = path / "state.pt"
        self.metrics = path / "metrics.tsv"
        self.steps = path / "steps.tsv"
        self.curves = path / "curves.png"
        self.copied = path / "init_from.json"
        self.tunings = path / "tuning"
        self.tensorboard = path / "tensorboard"
        self.begun = (path / "config.toml", path / "glosses.txt")
        weights = (self.metrics, self.best, self.last, self.frame_scores, self.domain)
        made = (self.calibration, self.steps, self.curves, self.copied, self.state)
        # None is of use without those before it: they are removed in the reverse order.
        self.files: tuple[Path, ...] = (path / "run.toml", *self.begun, *weights, *made)

    def create(self, config: Config, glosses: tuple[str, ...], facts: RunFacts) -> None:
        """Write what stays fixed for the whole run."""
        import tomli_w

        if (weights := config.model.weights) not in ("", *WEIGHTS_BY_NAME):  # a file; resumed from any folder
            config = replace(config, model=replace(config.model, weights=str(Path(weights).absolute())))
        settings = to_toml(config)
        values = {"format": NAME, "version": VERSION}
        values |= {key: value for key, value in asdict(facts).items() if value is not None}
        digests = {DIGEST: _digest(values), CONFIG_DIGEST: _digest(tomllib.loads(settings))}
        write_text(self.path / "glosses.txt", "".join(f"{gloss}\n" for gloss in glosses), keep=True)
        write_text(self.path / "config.toml", settings, keep=True)
        # Last: its presence shows that the others are complete. Digests first: they detect a file that was cut off.
        write_text(self.path / "run.toml", tomli_w.dumps(digests | values))

    def unchanged(self) -> Callable[[], None]:
        """A check that raises SlaError if a file that its outputs depend on was replaced since, as by `sla train`: what
        was read would be of two runs."""
        read = (self.path / "run.toml", *self.begun, self.best, self.frame_scores, self.domain, self.calibration)
        before = list(map(identity, read))

        def check() -> None:
            if list(map(identity, read)) != before:
                fault = f"{self.path} was changed by another command while it was read"
                raise SlaError(fault, "Run the command again.")

        return check

    @contextmanager
    def as_one(self) -> Iterator[None]:
        """Raise as the check of `unchanged` if it is replaced while the block reads it."""
        check = self.unchanged()
        try:
            yield
        except SlaError:
            check()  # what looks damaged may be of two runs
            raise
        check()

    @property
    def name(self) -> str:
        """Of its folder, also if that was given as `.` or `..`; of a link to it, the link's."""
        return os.path.basename(os.path.abspath(self.path))  # noqa: PTH100, PTH119 - Path keeps `..`

    @property
    def exists(self) -> bool:
        return (self.path / "run.toml").is_file()

    @property
    def is_finished(self) -> bool:
        """Whether training has ended. Raises FormatError for a damaged receipt."""
        return read_receipt(self.path, "train") is not None

    @property
    def version(self) -> int:
        """Version of its format. Raises SlaError or FormatError if this is not a run, or one of an unknown version."""
        return int(self._header()["version"])

    @property
    def facts(self) -> RunFacts:
        """Raises SlaError or FormatError if this is not a run or a damaged one."""
        return _facts(self._header(), self.path / "run.toml")

    @property
    def store(self) -> Path:
        """The folder of the store that it was trained on, also if the work folder has moved. Raises SlaError.

        `own_clips` opens it with the division that the run was trained on.
        """
        facts = self.facts
        place = Path(facts.store)
        ways = f"--store (`sla emit`, `decode`, `align`, `tune`), put it into stores/{place.name} of the work folder"
        return store_now(place, self.path, ways, is_store_of(facts.digests, facts.division))

    @property
    def own_store(self) -> Path | None:
        """The same, but None if the store is gone."""
        facts = self.facts
        found = find_source(Path(facts.store), self.path, is_store_of(facts.digests, facts.division))
        return found.resolve() if found is not None else None

    def own_clips(self) -> Store:
        """The store that it was trained on, in its division. Raises SlaError, also if the division is gone."""
        return Store(self.store, self.facts.division)

    def is_own(self, split: Split) -> bool:
        """Whether a split belongs to the store and the division that it was trained on."""
        facts = self.facts
        same = split.division == facts.division and split.store.resolve() == self.own_store
        return same or split.digest in facts.digests.values()

    @property
    def config(self) -> Config:
        """Its settings; those of a later version have their defaults. Raises SlaError, also if they were edited."""
        header, values = self._header(), _read(file := self.path / "config.toml")
        try:
            config = from_dict(values)
        except SlaError as error:
            raise FormatError(f"{file}: {error.message}", error.hint or AGAIN) from error
        _check_digest(file, values, header, CONFIG_DIGEST)
        return config

    @property
    def glosses(self) -> tuple[str, ...]:
        """Its vocabulary. Raises FormatError if there is none."""
        file = self.path / "glosses.txt"
        found = tuple(read_text(file).split("\n")[:-1]) if file.is_file() else ()
        if not found:
            raise FormatError(f"{file} has no glosses" if file.is_file() else f"{file} is missing", AGAIN)
        return found

    def read_metrics(self) -> list[dict[str, float]]:
        """`epoch`, `loss` and `dev_wer` of each finished epoch. Raises FormatError if metrics.tsv is damaged."""
        if not self.metrics.is_file():
            return []
        columns = ("epoch", "loss", "dev_wer")
        rows = list(read_table(self.metrics, columns, "\t"))
        for row, column in product(rows, columns):
            fits, kind = (is_whole, "a whole number") if column == "epoch" else (is_number, "a number")
            if not fits(row[column]):
                fault = f"{self.metrics}, line {row.line}: {column} is {row[column]!r}, not {kind}"
                raise FormatError(fault, AGAIN)
        return [{column: float(row[column]) for column in columns} for row in rows]

    @property
    def lost(self) -> list[str]:
        """Files that it got after its last epoch and no longer has; [] if it is not finished.

        Raises SlaError as `config`, or FormatError for a damaged receipt.
        """
        scores = [self.frame_scores] if self.config.loss.frame_ctc else []
        missing = [path.name for path in (self.calibration, self.domain, *scores) if not path.is_file()]
        return missing if missing and self.is_finished else []

    def check_whole(self) -> None:
        """Raise FormatError for a finished run that has lost a file, or as `check_best`: its results would differ.

        Warn of one that is not finished.
        """
        if lost := self.lost:
            hint = "Copy the run again; where its store is, `sla train --resume --name NAME` makes what is missing."
            raise FormatError(
                f"{self.path} is finished, but {some(lost)} of it {'is' if len(lost) == 1 else 'are'} missing", hint
            )
        self.check_best()
        if self.best.is_file() and not self.is_finished:
            log.warning("run %s is not finished: its best weights so far are used", self.path, extra=ONCE)

    def check_weights(self) -> None:
        """Raise SlaError if there are no best weights: not yet, or not any more."""
        if self.best.is_file():
            return
        if self.is_finished:
            raise SlaError(f"{self.path} is finished, but has lost {self.best.name}", AGAIN)
        hint = "`sla train` writes them after the first epoch; `sla train --resume --name NAME` goes on with a run."
        raise SlaError(f"{self.path} has no weights yet", hint)

    def check_best(self) -> None:
        """Raise FormatError if the best weights of a finished run are not those with which it ended."""
        receipt = read_receipt(self.path, "train") if self.best.is_file() else None
        if receipt is not None and receipt.results.get(WEIGHTS, "") not in ("", self.weights_digest):
            raise FormatError(f"{self.best} is not the checkpoint with which the run ended", AGAIN)

    @property
    def weights_digest(self) -> str:
        """Identifies its best weights. Raises SlaError if there are none."""
        self.check_weights()
        return digest_file(self.best)

    @property
    def inputs(self) -> dict[str, str]:
        """Digests of what its outputs depend on. Raises as `check_whole`."""
        self.check_whole()
        found = {"weights": self.weights_digest, "config": digest_file(self.path / "config.toml")}
        found["frames"] = digest_json(asdict(self.facts.frames))
        for name, file in (("frame_scores", self.frame_scores), ("calibration", self.calibration)):
            if file.is_file():
                found[name] = digest_file(file)
        return found

    def own_lm(self, name: Path) -> Path | None:
        """Its language model of this name; only models have one."""
        return None

    def read_calibration(self) -> Calibration:
        """How its confidences become probabilities; the default if it has none. Raises as `work.calibration` does."""
        if not self.calibration.is_file():
            return UNCHANGED
        found = read_calibration(self.calibration, self.weights_digest)
        return Calibration(found.slope, found.offset)

    def read_copied(self) -> dict[str, Any] | None:
        """What was copied from the run that it starts from: `tensors`, `glosses` and others; None without one."""
        return read_json(self.copied, AGAIN) if self.copied.is_file() else None

    def _header(self) -> dict[str, Any]:
        """run.toml, of a known version."""
        if not self.exists:
            raise self._no_run()
        values = _read(file := self.path / "run.toml")
        _need(("format", "version"), values, file)
        if values["format"] != NAME:
            raise FormatError(f"{file}: {values['format']}, not {NAME}", AGAIN)
        check_version(file, NAME, VERSION, values["version"], "Train again with `sla train`.")
        _need([field.name for field in fields(RunFacts) if field.default is MISSING], values, file)
        _facts(values, file)  # refuses values of another type
        _need(("train", "dev"), values["digests"], file, "digests.")
        _check_digest(file, values, values, DIGEST)
        return values

    def _no_run(self) -> SlaError:
        """Says what is there instead."""
        if is_address(self.path):
            return SlaError(f"{self.path} is not a run or a model", "A model on the hub is hf://OWNER/NAME@REVISION.")
        made_by = "`sla train` makes runs, `sla export` models of them."
        if not self.path.exists():
            return SlaError(f"no such run: {self.path}", made_by)
        if (self.path / "config.json").is_file():
            hint = "Name the run that it was exported from, or what was made from the model."
            return SlaError(f"{self.path} is a model, and this takes runs only", hint)
        return SlaError(f"{self.path} is not a run or a model: no run.toml or config.json in it", made_by)


def _read(file: Path) -> dict[str, Any]:
    """A TOML file of a run. Raises FormatError."""
    try:
        return read_toml(file)
    except SlaError as error:
        raise FormatError(error.message, AGAIN) from error


def _facts(values: Mapping[str, Any], file: Path) -> RunFacts:
    """The facts in run.toml. Raises FormatError for an unknown key and for a value of another type."""
    own = {key: value for key, value in values.items() if key not in HEADER}
    return read_values(RunFacts, own, file, AGAIN)


def _digest(values: Mapping[str, Any]) -> str:
    """Digest of a TOML file's values, without spaces, comments and digests: a user may delete a digest."""
    try:
        return digest_json({key: value for key, value in values.items() if key not in (DIGEST, CONFIG_DIGEST)})
    except TypeError:  # a date, which we never write
        return ""


def _check_digest(file: Path, values: Mapping[str, Any], header: Mapping[str, Any], key: str) -> None:
    """Raise FormatError if values differ from the digest in run.toml, which a user may have deleted."""
    if key in header and header[key] != _digest(values):
        raise FormatError(
            f"{file} is damaged or was edited: its values are not those that `sla train` wrote",
            f"Restore it from a copy. If the change is intended, delete the line `{key} = …` from run.toml.",
        )


def _need(keys: Iterable[str], values: Mapping[str, Any], file: Path, section: str = "") -> None:
    """Raise FormatError if keys are missing, as in a file that was cut off."""
    if missing := [f"{section}{key}" for key in keys if key not in values]:
        raise FormatError(f"{file}: damaged or incomplete, without {some(missing)}", AGAIN)
