"""An unfinished store: its encoding cache, and the arguments with which `sla prep --resume` continues it."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from sla_cli.atomic import write_text
from sla_cli.config import DivisionConfig, PrepConfig, SourceConfig
from sla_cli.errors import FormatError, SlaError, some
from sla_cli.formats.json_file import read_json
from sla_cli.log import log

ARGUMENTS = "begun.json"  # in the folder of the cache

OnError = Literal["stop", "skip"]


@dataclass(frozen=True)
class PrepArguments:
    """What a prep was asked for.

    Attributes:
        source: where the corpus lies; a later attempt may find it elsewhere.
        config, wanted, division: of PrepConfig, SourceConfig and DivisionConfig.
        frames_from: a store whose frames are used, "" for none.
        on_error: a clip that cannot be read stops the store from being written, or is left out of it.
        replaces: when the store was finished that `--force` makes again from its frames, "" otherwise.
        earlier: begun by a version of sla before 0.2, which kept its frames under other names.
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
        """What decides whether another attempt continues this one."""
        settings = {"corpus": self.corpus, "frames_from": self.frames_from}
        read_back = json.loads(json.dumps([self.config, self.wanted, self.division]))  # lists for tuples
        return settings | {key: value for part in read_back for key, value in part.items()}


_BLANK = PrepArguments("", "", {})


def cache_folder(out: Path, recipe: str) -> Path:
    """Where encoded clips of a recipe wait until the store is written."""
    return out / f".spool-{recipe}"


def begin(out: Path, recipe: str, arguments: PrepArguments) -> Path:
    """The folder of the cache, with what an earlier attempt left there unless its frames are to be read again.

    Raises:
        SlaError: an attempt of other settings is unfinished, and `arguments.force` is off.
    """
    folder = cache_folder(out, recipe)
    for other in out.glob(cache_folder(out, "*").name):
        if other == folder:
            continue
        if not (other / ARGUMENTS).is_file():  # a part was killed before it began
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
    """Raise SlaError where what was begun is not to be dropped."""
    if begun.earlier and begun.config == now.config:
        log.warning("an earlier version of sla began %s: its clips are encoded again", out)
        return
    was, new = begun.settings(), now.settings()
    changed = [key for key in new if was.get(key) != new[key]]
    differences = "; ".join(f"{key} was {was.get(key)!r}, now {new[key]!r}" for key in changed)
    hint = "`sla prep --resume` continues it, --force discards it."
    raise SlaError(f"{out} was begun with other settings and is not finished: {differences}", hint)


def read_arguments(folder: Path) -> PrepArguments:
    """The arguments of the prep to which a cache belongs. Raises FormatError."""
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
    """Raise TypeError for what no version of sla wrote, or a later one did."""
    for name, value in vars(arguments).items():
        kind = type(getattr(_BLANK, name))
        if not isinstance(value, kind):
            raise TypeError(f"{name} is {value!r}")
    for name, settings in (("config", PrepConfig), ("wanted", SourceConfig), ("division", DivisionConfig)):
        if unknown := getattr(arguments, name).keys() - {field.name for field in fields(settings)}:
            raise TypeError(f"{some(sorted(unknown))} in {name} is not known")


def newest_unfinished(stores: Path) -> tuple[Path, PrepArguments]:
    """The unfinished store that was worked on last, and its arguments. Raises SlaError where there is none."""
    found = stores.glob(f"*/{cache_folder(stores, '*').name}/{ARGUMENTS}")
    newest = max(found, key=lambda path: path.stat().st_mtime_ns, default=None)
    if newest is None:
        hint = "`sla prep CORPUS SOURCE` begins one, and tries again the clips that a finished one lacks."
        raise SlaError(f"no unfinished store in {stores}", hint)
    return newest.parents[1], read_arguments(newest.parent)
