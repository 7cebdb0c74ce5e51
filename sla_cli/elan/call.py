"""The call that ELAN makes: the values of the parameters, on standard input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sla_cli.annotation.eaf_document import parse_xml
from sla_cli.artifact.text import is_number
from sla_cli.elan.parameters import ElanRecognizer, Parameter
from sla_cli.errors import FormatError, SlaError

UNSET = 1.5e-45  # ELAN gives 2^-149, Java's least float, for a number that nobody has set
HINT = "ELAN starts this command from its Recognizer tab, and gives the parameters."


@dataclass(frozen=True)
class Call:
    """The values of a recogniser's parameters; "" for a file that is not given."""

    values: Mapping[str, str]

    def text(self, name: str) -> str:
        """A text, a choice, or the path of a file; "" if there is none."""
        return self.values[name]

    def path(self, name: str) -> Path | None:
        """A file or folder; None if there is none. Raises SlaError for the home folder of an unknown user."""
        text = self.values[name]
        try:
            return Path(text).expanduser() if text else None
        except RuntimeError as error:
            raise SlaError(f"{text}: no such user", "Write the whole path.") from error

    def number(self, name: str) -> float:
        return float(self.values[name])


def read_call(data: bytes, recognizer: ElanRecognizer) -> Call:
    """The parameters in ELAN's XML.

    Raises:
        SlaError: it is something else, a value that must be there is not, or is out of bounds.
    """
    try:
        _, root = parse_xml(data, "the call from ELAN")
    except FormatError as error:
        raise FormatError(error.message, HINT) from error
    if root.tag != "PARAM":
        raise SlaError(f"the call from ELAN is {root.tag[:80]!r}, not PARAM", HINT)
    given = {one.attributes.get("name", ""): one.text.strip() for one in root.named("param")}
    return Call({one.name: _value(one, given.get(one.name, "")) for one in recognizer.parameters})


def _value(parameter: Parameter, text: str) -> str:
    value = _number(parameter, text) if parameter.element == "numparam" else text
    value = value or parameter.attributes.get("default", "")
    if not value and parameter.attributes.get("optional") == "false":
        raise SlaError(f"{parameter.info}: nothing is chosen", "Choose it in ELAN's Recognizer tab.")
    choices = parameter.attributes.get("convoc", "").split()
    if choices and value not in choices:
        raise SlaError(f"{parameter.info}: {value[:80]!r} is not one of {', '.join(choices)}")
    # ELAN takes `file:` off a URL and leaves `///home/…`; two slashes begin a network path of Windows.
    return value[2:] if parameter.element in ("input", "output") and value.startswith("///") else value


def _number(parameter: Parameter, text: str) -> str:
    """The number as text without a fraction for whole numbers; "" if it is not set."""
    least, most = (float(parameter.attributes[name]) for name in ("min", "max"))
    if text in ("", "NaN"):
        return ""
    if not is_number(text):
        raise SlaError(f"{parameter.info}: {text[:80]!r} is not a number")
    number = float(text)
    if 0 < number < UNSET:
        return ""
    if not least <= number <= most:
        raise SlaError(f"{parameter.info}: {number:g} is not from {least:g} to {most:g}")
    return str(round(number)) if parameter.attributes["type"] == "int" else repr(number)
