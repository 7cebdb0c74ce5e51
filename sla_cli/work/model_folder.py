"""A model folder: a run as others get it, complete in one folder. `sla export` writes it; docs/formats.md has the list.

Somebody else may have made it. Nothing in it is executed, no file outside it is read, and its settings have bounds.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from sla_cli.artifact.json_file import read_json
from sla_cli.artifact.receipt import digest_file
from sla_cli.artifact.version import check_version
from sla_cli.config.bounds import WEIGHTS as WEIGHTS_BY_NAME
from sla_cli.config.checks import read_values
from sla_cli.config.settings import Config, from_dict
from sla_cli.core.arguments import as_path
from sla_cli.core.calibration import UNCHANGED, Calibration
from sla_cli.core.digest import digest_json
from sla_cli.errors import FormatError, SlaError, cannot_read, some
from sla_cli.system.host_memory import check_fits
from sla_cli.system.regular_file import open_regular
from sla_cli.work.calibration import CalibrationFigures
from sla_cli.work.hub import CARD, CONFIG, FILE, local
from sla_cli.work.like import begins
from sla_cli.work.run import Run
from sla_cli.work.run_facts import RunFacts

NAME, VERSION = "sla-model", 1
WEIGHTS, TUNING = "model.safetensors", "tuning"
Stored = Literal["float32", "float16"]
AGAIN = "Get the folder again, or make it again with `sla export`."
BEGINNING = re.compile(rb'\s*\{\s*"format":\s*"sla-model"')


@dataclass(frozen=True)
class ModelFacts:
    """The content of config.json.

    Attributes:
        weights: identifies the weights; the digest of those of the run, with another one in half precision.
        stored: type of the weights on disk.
        with_backbone: whether the weights of the backbone are in the folder.
        backbone_file: name of the file that they came from, `hub` or `random`.
        frame_scores, domain: whether it has them.
        run: facts of the run, without its store.
        settings: all settings of the run, by section.
        glosses: the vocabulary.
        calibration: of confidences; null without one.
        card: SHA-256 of README.md as it was written; its author may complete it.
        files: name of each other file with its SHA-256.
    """

    weights: str
    stored: Stored
    with_backbone: bool
    backbone_file: str
    frame_scores: bool
    domain: bool
    run: RunFacts
    settings: dict[str, dict[str, Any]]
    glosses: Annotated[tuple[str, ...], Meta(min_length=1)]
    calibration: CalibrationFigures | None
    card: str
    files: dict[Annotated[str, Meta(pattern=FILE)], str]


def stored_digest(weights: str, stored: Stored) -> str:
    """Identifies the weights of a model: as those of its run, by another digest in half precision."""
    return weights if stored == "float32" else digest_json([weights, stored])


def is_model(path: Path) -> bool:
    """Whether a folder looks like a model: its config.json begins with the name of the format."""
    file = path / CONFIG
    return file.is_file() and BEGINNING.match(begins(file, 64)) is not None


def find_trained(path: Path) -> Run:
    """The run or the model in a folder, or the model on the hub; the run, if there is neither.

    Raises:
        SlaError: as `hub.local`, or as `ModelFolder`.
    """
    path = local(path)
    damaged = (path / CONFIG).is_file() and not Run(path).exists  # perhaps: it is read, which says what is wrong
    return ModelFolder(path) if is_model(path) or damaged else Run(path)


def read_model_facts(file: Path) -> ModelFacts:
    """The content of config.json. Raises FormatError for another format or version, or if it was edited."""
    values = read_json(file, AGAIN)
    if values.pop("format", None) != NAME:
        raise FormatError(f"{file}: not {NAME}", AGAIN)
    check_version(file, NAME, VERSION, values.pop("version", None), AGAIN)
    if values.pop("digest", None) != digest_json(values):
        raise FormatError(f"{file} is damaged or was edited: its values are not those that `sla export` wrote", AGAIN)
    return read_values(ModelFacts, values, file, AGAIN)


class ModelFolder(Run):
    """A model folder, read like a run; it has no store, no metrics and no state of training.

    Raises:
        SlaError: a file is missing, or a link to somewhere else.
        FormatError: a file is not as it was written, or a tuning is not listed; or as `model_facts`.
    """

    again = AGAIN

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.config_file = path / CONFIG
        self.best = path / WEIGHTS
        self.last = self.best
        self.card = path / CARD
        facts = self.model_facts
        if changed := [
            name for name in {WEIGHTS, *facts.files} if sha256_of(self.inside(name)) != facts.files.get(name)
        ]:
            number = "is" if len(changed) == 1 else "are"
            cached = self._in_cache
            again = AGAIN if cached is None else f"Remove {cached}, and give its name again: it is downloaded then."
            raise FormatError(f"{path}: {some(changed)} {number} damaged: another digest than in {CONFIG}", again)
        tunings = sorted((path / TUNING).glob("*/*.json"))
        if others := [name for one in tunings if (name := one.relative_to(path).as_posix()) not in facts.files]:
            raise FormatError(f"{path}: {CONFIG} does not list {some(others)}", "Remove what is not of the model.")
        nothing = self.config_file / "none"  # no file can be there
        self.frame_scores = self.best if facts.frame_scores else nothing
        self.domain = self.best if facts.domain else nothing
        self.files = (self.config_file, self.card, *(path / name for name in facts.files))

    @property
    def exists(self) -> bool:
        return True

    @property
    def is_finished(self) -> bool:
        return True

    @property
    def version(self) -> int:
        return VERSION

    @cached_property
    def model_facts(self) -> ModelFacts:
        """As `read_model_facts`."""
        return read_model_facts(self.inside(CONFIG))

    @property
    def facts(self) -> RunFacts:
        return self.model_facts.run

    @property
    def store(self) -> Path:
        raise SlaError(f"{self.path} is a model, which has no store of its own", "Give one with --store.")

    @property
    def own_store(self) -> Path | None:
        return None

    @property
    def config(self) -> Config:
        """Its settings; `model.weights` is empty where the backbone's weights must be given as a file."""
        facts = self.model_facts
        try:
            values = {**facts.settings, "model": {**facts.settings["model"], "weights": self._backbone(facts)}}
            return from_dict(values)
        except (KeyError, TypeError) as error:
            raise FormatError(
                f"{self.config_file}: damaged or incomplete, without settings of the model", AGAIN
            ) from error
        except SlaError as error:
            raise FormatError(f"{self.config_file}: {error.message}", error.hint or AGAIN) from error

    @property
    def glosses(self) -> tuple[str, ...]:
        return self.model_facts.glosses

    @property
    def lost(self) -> list[str]:
        return []  # refused when it is opened

    @property
    def weights_digest(self) -> str:
        return self.model_facts.weights

    @property
    def inputs(self) -> dict[str, str]:
        return {"weights": self.weights_digest, "config": digest_file(self.config_file)}

    def read_calibration(self) -> Calibration:
        found = self.model_facts.calibration
        return UNCHANGED if found is None else Calibration(found.slope, found.offset)

    def own_lm(self, name: Path) -> Path | None:
        return self.inside(str(name)) if str(name) in self.model_facts.files else None

    def inside(self, name: str) -> Path:
        """A file of the folder. Raises SlaError if it is missing, or a link to a file elsewhere.

        In the cache of the Hugging Face hub the files are links to others of the same repository.
        """
        folder = self.path.resolve()
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise FormatError(f"{self.path}: {name!r} is no name of a file in it", AGAIN)
        path = as_path(str(self.path / name), f"a file of {self.path}")
        if not path.resolve().is_relative_to(self._in_cache or folder):
            raise SlaError(f"{path} is a link to a file outside of the folder, which is not read", AGAIN)
        if not path.is_file():
            raise SlaError(f"{self.path} has no {name}", AGAIN)
        return path

    @property
    def _in_cache(self) -> Path | None:
        """The folder of the repository in the cache of the hub that this folder is in."""
        snapshots = self.path.resolve().parent
        of_cache = snapshots.name == "snapshots" and snapshots.parent.name.startswith("models--")
        return snapshots.parent if of_cache else None

    def _backbone(self, facts: ModelFacts) -> str:
        """In the folder, or by a name that needs no file; else empty: no name in config.json is taken as a file."""
        if facts.with_backbone:
            return str(self.best)
        return facts.backbone_file if facts.backbone_file in WEIGHTS_BY_NAME else ""


def sha256_of(path: Path) -> str:
    """As the hub and `sha256sum` show it. Raises SlaError if it cannot be read, or is larger than the memory."""
    try:
        check_fits(path)
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise cannot_read(path, error) from error


def model_config(facts: ModelFacts) -> str:
    """config.json as text. Equal facts give equal text."""
    values = asdict(facts)
    values["run"] = {key: value for key, value in values["run"].items() if value is not None}
    values = json.loads(json.dumps(values))
    whole = {"format": NAME, "version": VERSION, **values, "digest": digest_json(values)}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
