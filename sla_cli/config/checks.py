"""Values for settings: checked against the annotations in settings.py, and completed if an older run lacks them."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Self, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Le

from sla_cli.errors import SlaError, some, suggestion


@dataclass(frozen=True)
class AddedIn:
    """Annotation of a setting that runs of older formats lack.

    Attributes:
        version: the first version of the run format that has the setting.
        before: the value that older runs used.
    """

    version: int
    before: Any


@dataclass(frozen=True)
class OptionValues:
    """Settings that are given as separate options of a command."""

    @classmethod
    def checked(cls, **values: Any) -> Self:
        """Settings from the command line. Raises SlaError that names the option of a wrong value."""
        hints = annotations_of(cls)
        options = {key: f"--{key.replace('_', '-')}" for key in values}
        return cls(**{key: check_setting(key, value, hints[key], options[key]) for key, value in values.items()})


@cache
def settings_of(kind: type) -> dict[str, Any]:
    """`section.key` to its annotation, for every setting in the sections of a configuration class."""
    sections = get_type_hints(kind).items()
    return {f"{name}.{key}": hint for name, section in sections for key, hint in annotations_of(section).items()}


def values_of(config: Any) -> dict[str, Any]:
    """`section.key` to its value, for every setting of a configuration."""
    return {f"{name}.{key}": value for name, section in asdict(config).items() for key, value in section.items()}


def annotations_of(section: type) -> dict[str, Any]:
    """Name of each setting in a section to its annotation."""
    return get_type_hints(section, include_extras=True)


def check_setting(key: str, value: Any, hint: Any, where: str) -> Any:
    """The value in the form of its setting. Raises SlaError for another type, an unknown choice, or one out of bounds.

    Args:
        hint: annotation of the setting, such as `Annotated[int, Ge(1)]`; a tuple's bounds are those of its elements. Of
            a union, the part with the type of the value is used. A choice of on and off accepts true and false too.
        where: the text that the user wrote, for the message.
    """
    kind, marks = parts_of(hint)
    if get_origin(kind) in (Union, UnionType):
        fitting = next((part for part in get_args(kind) if _is_of_type(value, part)), None)
        if fitting is None:
            raise SlaError(f"{where}: {key} is {value!r}", f"It must be {_described(hint)}.")
        return check_setting(key, value, fitting, where)
    if get_origin(kind) is Literal:
        if isinstance(value, bool) and {"on", "off"} <= set(get_args(kind)):
            value = "on" if value else "off"
        if value not in get_args(kind):
            raise SlaError(f"{where}: {key} is {value!r}", suggestion(str(value), get_args(kind)))
        return value
    if not _is_of_type(value, hint):
        raise SlaError(f"{where}: {key} is {value!r}", f"It must be {_described(hint)}.")
    is_list = get_origin(kind) is tuple
    element, marks = parts_of(get_args(kind)[0]) if is_list else (kind, marks)
    values = value if is_list else [value]
    least = next((mark.ge for mark in marks if isinstance(mark, Ge)), -math.inf)
    most: Any = next((mark.le for mark in marks if isinstance(mark, Le)), math.inf)
    if element in (int, float) and not all(least <= part <= most for part in values):
        bounds = f"lie between {least} and {most}" if most < math.inf else f"be at least {least}"
        raise SlaError(f"{where}: {key} is {value!r}", f"{'Each' if is_list else 'It'} must {bounds}.")
    if is_list:
        return tuple(element(part) for part in values)
    return (get_origin(kind) or kind)(value)


def fill_older(values: Mapping[str, Any], version: int, settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The values of an older run, and for each setting that was added since, the value that was valid then.

    Args:
        values: section to key to value, as in the run's file.
        version: version of the run's format.
        settings: from `settings_of`.

    Raises:
        SlaError: the file lacks settings that its version had.
    """
    filled = {section: dict(entries) for section, entries in values.items()}
    missing = []
    for name, hint in settings.items():
        section, _, key = name.partition(".")
        if key in filled.get(section, {}):
            continue
        added = next((mark for mark in parts_of(hint)[1] if isinstance(mark, AddedIn)), None)
        if added is None or added.version <= version:
            missing.append(name)
        else:
            filled.setdefault(section, {})[key] = added.before
    if missing:
        raise SlaError(f"damaged or incomplete, without {some(missing)}")
    return filled


def parts_of(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """An annotation's type, and its metadata."""
    if get_origin(hint) is not Annotated:
        return hint, ()
    kind, *marks = get_args(hint)
    return kind, tuple(marks)


def parse_value(text: str, hint: Any) -> Any:
    """A TOML value, or the text itself if it is not TOML or text is wanted, so no quotes are needed in a shell."""
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    except (ValueError, RecursionError) as error:
        raise SlaError(f"{text[:40]}…: {str(error).partition(';')[0]}") from error
    return text if parts_of(hint)[0] is str and not isinstance(value, str) else value


def _is_of_type(value: Any, hint: Any) -> bool:
    """Whether a value has the type of a setting that is not a choice; bounds are not checked."""
    kind, _ = parts_of(hint)
    if get_origin(kind) is not tuple:
        return _KINDS[kind][1](value)
    if not isinstance(value, list | tuple):
        return False
    element, *others = get_args(kind)
    return (Ellipsis in others or len(value) == 1 + len(others)) and all(_is_of_type(one, element) for one in value)


def _described(hint: Any) -> str:
    """The values that a setting accepts, in words; not for a choice."""
    kind, _ = parts_of(hint)
    if get_origin(kind) in (Union, UnionType):
        return ", or ".join(map(_described, get_args(kind)))
    if get_origin(kind) is not tuple:
        return _KINDS[kind][0]
    elements = get_args(kind)
    count = 0 if Ellipsis in elements else len(elements)
    several = f"{_described(elements[0]).removeprefix('a ')}s, as in {[3] * count or [20, 30]}"
    return f"a list of {count} {several}" if count else f"a list of {several}"


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return _is_whole(value) or (isinstance(value, float) and math.isfinite(value))


# Type of a setting: its name, and a test whether a value has this type.
_KINDS: dict[Any, tuple[str, Callable[[Any], bool]]] = {
    bool: ("true or false", lambda value: isinstance(value, bool)),
    int: ("a whole number", _is_whole),
    float: ("a number", _is_number),
    str: ("text", lambda value: isinstance(value, str)),
    dict[str, Any]: ("a table, as in {depth = 2}", lambda value: isinstance(value, dict)),
}
