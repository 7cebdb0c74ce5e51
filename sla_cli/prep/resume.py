"""An unfinished store: its encoding cache, and the arguments with which `sla prep --resume` continues it."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from sla_cli.artifact.json_file import read_json
from sla_cli.config.settings import DivisionConfig, PrepConfig, SourceConfig
from sla_cli.errors import FormatError, SlaError, some
from sla_cli.log import log
from sla_cli.system.atomic import write_text

ARGUMENTS = "begun.json"  # file in the folder of the cache

OnError = Literal["stop", "skip"]


@dataclass(frozen=True)
class PrepArguments:
    """The arguments of a prep.

    Attributes:
        source: path of the corpus; a later attempt may use another path.
        config, wanted, division: of PrepConfig, SourceConfig and DivisionConfig.
        frames_from: a store whose frames are used, "" for none.
        on_error: whether a clip that cannot be read prevents writing the store, or is left out.
        replaces: when the store was finished that `--force` makes again, "" otherwise.
        earlier: begun by a version of sla before 0.2, which stored its frames under other names.
    """

    corpus: str
    source: str
    config: dict[str, Any]
    wanted: dict[str, Any] = field(default_factory=dict)
    division: dict[str, Any] = field(default_factory=dict)
    frames_from: str = ""
    on_error: OnError = "stop"
    force: bool = False
    replaces: str = ""
    earlier: bool = False

    def settings(self) -> dict[str, Any]:
        """What must be equal for another attempt to continue this one."""
        settings = {"corpus": self.corpus, "frames_from": self.frames_from}
        read_back = json.loads(json.dumps([self.config, self.wanted, self.division]))  # lists instead of tuples
        return settings | {key: value for part in read_back for key, value in part.items()}


_BLANK = PrepArguments("", "", {})


def cache_folder(out: Path, recipe: str) -> Path:
    """The folder of encoded clips of a recipe until the store is written."""
    return out / f".spool-{recipe}"


def begin(out: Path, recipe: str, arguments: PrepArguments) -> Path:
    """The folder of the cache, with the files of an earlier attempt unless its frames are to be read again.

    Raises:
        SlaError: an attempt with other settings is unfinished, and `arguments.force` is off.
    """
    folder = cache_folder(out, recipe)
    for other in out.glob(cache_folder(out, "*").name):
        if other == folder:
            continue
        if not (other / ARGUMENTS).is_file():  # a part was interrupted before it began
            shutil.rmtree(other)
            continue
        if not arguments.force:
            _refuse_other(out, read_arguments(other), arguments)
        shutil.rmtree(other)
    begun = (folder / ARGUMENTS).is_file()
    if arguments.replaces and not (begun and read_arguments(folder).replaces == arguments.replaces):
        shutil.rmtree(folder, ignore_errors=True)
    write_text(folder / ARGUMENTS, json.dumps(asdict(arguments), indent=1, ensure_ascii=False) + "\n")
    return folder


def _refuse_other(out: Path, begun: PrepArguments, now: PrepArguments) -> None:
    """Raise SlaError if the unfinished attempt must not be discarded."""
    if begun.earlier and begun.config == now.config:
        log.warning("an earlier version of sla began %s: its clips are encoded again", out)
        return
    was, new = begun.settings(), now.settings()
    changed = [key for key in new if was.get(key) != new[key]]
    differences = "; ".join(f"{key} was {was.get(key)!r}, now {new[key]!r}" for key in changed)
    hint = "`sla prep --resume` continues it, --force discards it."
    raise SlaError(f"{out} is unfinished and was begun with other settings: {differences}", hint)


def read_arguments(folder: Path) -> PrepArguments:
    """The arguments of the prep that a cache belongs to. Raises FormatError."""
    path = folder / ARGUMENTS
    try:
        values = read_json(path, f"Remove the folder {folder}.")
        if "protocol" in values:
            values |= {"wanted": {"protocol": values.pop("protocol")}, "earlier": True}
        arguments = PrepArguments(**values)
        _check_types(arguments)
        return arguments
    except (OSError, ValueError, TypeError) as error:
        raise FormatError(f"{path}: cannot be read ({error})", f"Remove the folder {folder}.") from error


def _check_types(arguments: PrepArguments) -> None:
    """Raise TypeError for values that no version of sla, or only a later one, wrote."""
    for name, value in vars(arguments).items():
        kind = type(getattr(_BLANK, name))
        if not isinstance(value, kind):
            raise TypeError(f"{name} is {value!r}")
    for name, settings in (("config", PrepConfig), ("wanted", SourceConfig), ("division", DivisionConfig)):
        if unknown := getattr(arguments, name).keys() - {field.name for field in fields(settings)}:
            raise TypeError(f"{some(sorted(unknown))} in {name} is not known")


def newest_unfinished(stores: Path) -> tuple[Path, PrepArguments]:
    """The most recent unfinished store, and its arguments. Raises SlaError if there is none."""
    found = stores.glob(f"*/{cache_folder(stores, '*').name}/{ARGUMENTS}")
    newest = max(found, key=lambda path: path.stat().st_mtime_ns, default=None)
    if newest is None:
        hint = "`sla prep CORPUS SOURCE` begins one, and also tries again the clips that a finished store lacks."
        raise SlaError(f"no unfinished store in {stores}", hint)
    return newest.parents[1], read_arguments(newest.parent)
