"""Values for settings: checked against the annotations in config.py, and completed if an older run lacks them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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


def annotations_of(section: type) -> dict[str, Any]:
    """Name of each setting in a section to its annotation."""
    return get_type_hints(section, include_extras=True)


def check_setting(key: str, value: Any, hint: Any, where: str) -> Any:
    """The value in the form of its setting. Raises SlaError for another type, an unknown choice, or one out of bounds.

    Args:
        hint: annotation of the setting, such as `Annotated[int, Ge(1)]`; a tuple's bounds are those of its elements. Of
            a union of a number and a tuple, the one that matches the value is used.
        where: the text that the user wrote, for the message.
    """
    kind, marks = parts_of(hint)
    if get_origin(kind) in (Union, UnionType):
        fitting = [part for part in get_args(kind) if (get_origin(part) is tuple) == isinstance(value, list | tuple)]
        return check_setting(key, value, fitting[0], where)
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise SlaError(f"{where}: {key} is {value!r}", suggestion(str(value), get_args(kind)))
        return value
    is_list = get_origin(kind) is tuple
    element, marks = parts_of(get_args(kind)[0]) if is_list else (kind, marks)
    count = len(get_args(kind)) if is_list and Ellipsis not in get_args(kind) else 0  # 0: any
    name, suits = _KINDS[element]
    values = value if is_list and isinstance(value, list | tuple) else [value]
    if is_list != isinstance(value, list | tuple) or not all(map(suits, values)) or count not in (0, len(values)):
        several = f"{name.removeprefix('a ')}s, as in {[3] * count or [20, 30]}"
        listed = f"a list of {count} {several}" if count else f"a list of {several}"
        raise SlaError(f"{where}: {key} is {value!r}", f"It must be {listed if is_list else name}.")
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
