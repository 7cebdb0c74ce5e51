"""The one checker of values that come from files and options: msgspec compares them with the annotations of a type."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from sla_cli.errors import FormatError, SlaError, shown, suggestion, without_pattern

if TYPE_CHECKING:
    from msgspec.inspect import FloatType, IntType, Type

T = TypeVar("T")
LONGEST = 1 << 18  # characters of a TOML text: a hundred times as many as the settings of a run have
MOST_BITS = 1000  # of a whole number; TOML has 64, and a text may be of digits; Python prints at most 14,000
MOST_DOTS = 100  # in a line of it; a list of as many numbers has no use in a setting


@dataclass(frozen=True)
class OptionValues:
    """Settings that are given as separate options of a command."""

    @classmethod
    def checked(cls, **values: Any) -> Self:
        """Settings from the command line. Raises SlaError that names the option of a wrong value."""
        hints = annotations_of(cls)
        options = {key: f"--{key.replace('_', '-')}" for key in values}
        return cls(**{key: check_setting(key, value, hints[key], options[key]) for key, value in values.items()})


def option(default: Any, help: str) -> Any:
    """A field of OptionValues with its default, and its text for `--help`."""
    return field(default=default, metadata={"help": help})


@cache
def settings_of(kind: type) -> dict[str, Any]:
    """`section.key` to its annotation, for every setting in the sections of a configuration class."""
    sections = annotations_of(kind).items()
    return {f"{name}.{key}": hint for name, section in sections for key, hint in annotations_of(section).items()}


def values_of(config: Any) -> dict[str, Any]:
    """`section.key` to its value, for every setting of a configuration."""
    return {f"{name}.{key}": value for name, section in asdict(config).items() for key, value in section.items()}


def annotations_of(section: type) -> dict[str, Any]:
    """Name of each setting in a section, or of each section, to its annotation."""
    return _evaluated(section)


@cache  # Python evaluates each annotation's text, which takes longer than a check. mypy wants hashable arguments here
def _evaluated(section: type) -> dict[str, Any]:
    return get_type_hints(section, include_extras=True)


def check_setting(key: str, value: Any, hint: Any, where: str) -> Any:
    """The value in the form of its setting. Raises SlaError for another type, an unknown choice, or one out of bounds.

    Args:
        hint: annotation of the setting, such as `Annotated[int, Meta(ge=1)]`.
        where: the text that the user wrote, for the message.
    """
    try:
        if isinstance(value, str):
            value.encode()  # as in the files that it is written to
        return msgspec.convert(value, hint)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:  # the latter for half of a pair of surrogates
        is_choice = get_origin(hint) is Literal
        advice = suggestion(str(value), get_args(hint)) if is_choice else f"It must be {described(hint)}."
        raise SlaError(f"{where}: {key} is {shown(value)}", advice) from error


def read_values(kind: type[T], values: Mapping[str, Any], where: object, hint: str = "") -> T:
    """An object of a dataclass or Struct from values of JSON or TOML.

    Args:
        where: file, or file and line, for the message.

    Raises:
        FormatError: an unknown or missing key, or a value of another type, out of bounds or not finite.
    """
    known = keys_of(kind)  # type: ignore[arg-type]  # a type is hashable
    if unknown := [key for key in values if key not in known]:
        raise FormatError(f"{where}: {unknown[0]!r} is not known", hint or suggestion(unknown[0], known))
    try:
        found: Any = msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        fault, _, place = without_pattern(str(error)).partition(" - at `$.")
        named = f"{where}: {place.rstrip('`')}" if place else where
        raise FormatError(f"{named}: {fault}", hint) from error
    except SlaError as error:  # from what the type itself checks
        raise FormatError(f"{where}: {error.message}", hint) from error
    if deeper := list(_unknown(found, values)):
        raise FormatError(f"{where}: {deeper[0]!r} is not known", hint)
    if odd := list(_not_finite(values)):
        raise FormatError(f"{where}: {odd[0]}: a number that is not finite", hint)
    # msgspec 0.22 leaves defaults to the class of a dataclass, where `vars` and `to_builtins` do not find them.
    return replace(found) if is_dataclass(kind) else found


def _unknown(found: object, values: Mapping[str, Any], place: str = "") -> Iterator[str]:
    """Keys that the dataclasses and Structs within an object do not have: msgspec passes over them."""
    known = keys_of(type(found))  # type: ignore[arg-type]  # a type is hashable
    for key, value in values.items():
        if key not in known:
            yield f"{place}{key}"
        elif is_dataclass(part := getattr(found, key, None)) or isinstance(part, msgspec.Struct):
            yield from _unknown(part, value, f"{place}{key}.")


def _not_finite(value: object, place: str = "") -> Iterator[str]:
    """Where a value holds NaN or an infinity: Python reads them in JSON, and TOML has them."""
    if isinstance(value, float) and not math.isfinite(value):
        yield place
    parts = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from _not_finite(part, f"{place}.{key}" if place else str(key))


@cache
def keys_of(kind: Any) -> list[str]:
    """The keys of a dataclass or Struct in JSON and TOML."""
    from msgspec.inspect import DataclassType, StructType, type_info

    found = type_info(kind)
    assert isinstance(found, DataclassType | StructType)
    return [field.encode_name for field in found.fields]


def parse_value(key: str, text: str, hint: Any) -> Any:
    """A TOML value of `--set KEY=TEXT`, or the text itself if it is not TOML or text is wanted, so no quotes are needed
    in a shell. Raises SlaError for a value that no setting has."""
    try:
        found = parse_toml(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    except ValueError as error:
        raise SlaError(f"--set {key}={text[:40]}…: {error}") from error
    if len(found) > 1:  # a line feed, and another key
        return text
    value = found["value"]
    wanted = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    return text if wanted is str and not isinstance(value, str) else value


def parse_toml(text: str) -> dict[str, Any]:
    """The content of a TOML text. Raises ValueError for what is not TOML, or is not settings."""
    if len(text) > LONGEST:
        raise ValueError(f"it is longer than the {LONGEST >> 10} KiB that settings may have")
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > MOST_DOTS:  # a key of thousands of parts takes tomllib gigabytes
            raise ValueError(f"more than {MOST_DOTS} dots (at line {number}), which no setting has")
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except ValueError as error:  # Python's limit of digits
        raise ValueError("a number of thousands of digits, which no setting has") from error
    except RecursionError as error:
        raise ValueError("too deeply nested") from error
    _refuse_large(found)
    return found


def _refuse_large(value: object) -> None:
    """Raise ValueError for a whole number that is too large for any message."""
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        raise ValueError(f"a number of {value.bit_length()} bits, which no setting has")
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _refuse_large(inner)


def parse_part(option: str, text: str, fewest: int = 1) -> tuple[int, int]:
    """K and N of K/N, such as 2/5. Raises SlaError, naming the option, for others, and for an N below `fewest`."""
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text, re.ASCII)
    part, parts = map(int, found.groups()) if found else (0, 0)
    if not 1 <= part <= parts or parts < fewest:
        fault = f"{option} {text!r} is not K/N with N from {fewest} to 999999"
        raise SlaError(fault, "Give K from 1 to N, such as 2/5.")
    return part, parts


def described(hint: Any) -> str:
    """The values that an annotation accepts, in words: `a whole number from 1 to 1000`."""
    from msgspec.inspect import type_info

    return _in_words(type_info(hint))


def _in_words(kind: Type) -> str:
    from msgspec import inspect

    match kind:
        case inspect.Metadata(extra_json_schema={"description": str(words)}):  # of a text with a form of its own
            return words
        case inspect.UnionType(types=types):
            return ", or ".join(map(_in_words, types))
        case inspect.VarTupleType(item_type=item, min_length=least, max_length=most):
            number = f" of {most}" if least is not None and least == most else ""
            return f"a list{number} in brackets, each {_in_words(item)}"
        case inspect.IntType():
            return f"a whole number{_bounds(kind)}"
        case inspect.FloatType():
            return f"a number{_bounds(kind)}"
        case inspect.LiteralType(values=values):
            return " or ".join(map(str, values))
        case inspect.StrType():
            return "text"
        case inspect.BoolType():
            return "true or false"
        case inspect.DictType():
            return "a table, as in {depth = 2}"
    raise TypeError(f"no setting has the type {kind}")


def _bounds(kind: IntType | FloatType) -> str:
    """The bounds of a number in words, as far as there are any."""
    ends = (("from", kind.ge), ("above", kind.gt), ("to", kind.le), ("below", kind.lt))
    return "".join(f" {word} {end if isinstance(end, int) else f'{end:.10g}'}" for word, end in ends if end is not None)
