"""ELAN files as plain XML, written without sla's writer and without pympi."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

CONSTRAINTS = ("Time_Subdivision", "Symbolic_Subdivision", "Symbolic_Association", "Included_In")


def undated(text: str) -> str:
    """A file of sla, or a page that holds one, without what differs between two equal ones: moment, id and digest."""
    return re.sub(r"urn:[^<\"]*|DATE=\\?\"[^\"]*|sla:file\\?\"(?:>|\\u003e)\w*", "", text)


@dataclass
class Eaf:
    """A file that is composed of its parts.

    Attributes:
        links: attributes of each MEDIA_DESCRIPTOR.
        types: linguistic type to its constraint and controlled vocabulary, "" for none.
        vocabulary: id of each entry of the vocabulary CV to its value by language.
    """

    links: list[dict[str, str]] = field(default_factory=list)
    types: dict[str, tuple[str, str]] = field(default_factory=lambda: {"gloss": ("", "")})
    vocabulary: dict[str, dict[str, str]] = field(default_factory=dict)
    slots: list[str] = field(default_factory=list)
    tiers: dict[str, dict[str, str]] = field(default_factory=dict)
    annotations: dict[str, list[str]] = field(default_factory=dict)
    last: int = 0

    def tier(self, name: str, kind: str = "gloss", **attributes: str) -> str:
        self.tiers[name] = {"TIER_ID": name, "LINGUISTIC_TYPE_REF": kind, **attributes}
        self.annotations[name] = []
        return name

    def slot(self, time: int | None) -> str:
        """A time slot; None is one without a value."""
        name = f"ts{len(self.slots) + 1}"
        value = "" if time is None else f' TIME_VALUE="{time}"'
        self.slots.append(f'<TIME_SLOT TIME_SLOT_ID="{name}"{value}/>')
        return name

    def mark(self, tier: str, start: int | str, end: int | str, value: str, entry: str = "") -> str:
        """An annotation at times, or at slots that are there; `entry` of the vocabulary."""
        refs = [one if isinstance(one, str) else self.slot(one) for one in (start, end)]
        given = {"TIME_SLOT_REF1": refs[0], "TIME_SLOT_REF2": refs[1]} | ({"CVE_REF": entry} if entry else {})
        return self._add("ALIGNABLE_ANNOTATION", tier, given, value)

    def child(self, tier: str, parent: str, value: str, previous: str = "") -> str:
        """An annotation that has the time of another."""
        given = {"ANNOTATION_REF": parent} | ({"PREVIOUS_ANNOTATION": previous} if previous else {})
        return self._add("REF_ANNOTATION", tier, given, value)

    def _add(self, tag: str, tier: str, given: dict[str, str], value: str) -> str:
        self.last += 1
        attributes = "".join(f" {key}={quoteattr(text)}" for key, text in given.items())
        self.annotations[tier].append(
            f'<ANNOTATION>\n<{tag} ANNOTATION_ID="a{self.last}"{attributes}>'
            f"<ANNOTATION_VALUE>{escape(value)}</ANNOTATION_VALUE></{tag}>\n</ANNOTATION>"
        )
        return f"a{self.last}"

    def xml(self) -> str:
        def tag(name: str, given: dict[str, str], inside: str = "") -> str:
            return f"<{name}{''.join(f' {key}={quoteattr(text)}' for key, text in given.items())}>{inside}</{name}>"

        types = [
            tag(
                "LINGUISTIC_TYPE",
                {"LINGUISTIC_TYPE_ID": name, "TIME_ALIGNABLE": str("Symbolic" not in constraint).lower()}
                | ({"CONSTRAINTS": constraint} if constraint else {})
                | ({"CONTROLLED_VOCABULARY_REF": vocabulary} if vocabulary else {}),
            )
            for name, (constraint, vocabulary) in self.types.items()
        ]
        entries = [
            tag(
                "CV_ENTRY_ML",
                {"CVE_ID": name},
                "".join(tag("CVE_VALUE", {"LANG_REF": language}, escape(value)) for language, value in values.items()),
            )
            for name, values in self.vocabulary.items()
        ]
        parts = [
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<ANNOTATION_DOCUMENT AUTHOR="" DATE="2020-01-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0">',
            tag(
                "HEADER",
                {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"},
                "".join(tag("MEDIA_DESCRIPTOR", one) for one in self.links),
            ),
            f"<TIME_ORDER>{''.join(self.slots)}</TIME_ORDER>",
            *(tag("TIER", given, "\n".join(self.annotations[name])) for name, given in self.tiers.items()),
            *types,
            *(tag("CONSTRAINT", {"STEREOTYPE": name, "DESCRIPTION": name}) for name in CONSTRAINTS),
            *([tag("CONTROLLED_VOCABULARY", {"CV_ID": "CV"}, "".join(entries))] if entries else []),
            "</ANNOTATION_DOCUMENT>",
        ]
        return "\n".join(parts) + "\n"
