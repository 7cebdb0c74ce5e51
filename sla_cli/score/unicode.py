"""One gloss in two Unicode normal forms: equal on the screen, but a substitution if characters are compared.

`ü` may be one character (NFC) or `u` with a combining diaeresis (NFD), Arabic `أ` one letter or alef with a hamza
above. Corpora are in NFC; files that passed through macOS or some databases are in NFD.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

from sla_cli.core.hypothesis import Glosses
from sla_cli.errors import SlaError


def nfc(glosses: Iterable[str]) -> Glosses:
    """Glosses in normal form C."""
    return tuple(unicodedata.normalize("NFC", gloss) for gloss in glosses)


def refuse_mixed_forms(references: Mapping[str, Glosses], hypotheses: Mapping[str, Glosses]) -> None:
    """Refuse glosses that are canonically equivalent but spelled differently, on one side or between the two.

    Raises:
        SlaError: names the first such gloss with side, form and clip of both spellings, and how many there are.
    """
    spelled: dict[str, dict[str, tuple[str, str, str]]] = {}
    for side, glosses_of in (("references", references), ("hypotheses", hypotheses)):
        for clip, glosses in glosses_of.items():
            for gloss in glosses:
                if not gloss.isascii():
                    same = spelled.setdefault(unicodedata.normalize("NFC", gloss.lower()), {})
                    same.setdefault(gloss.lower(), (gloss, side, clip))
    clashes = [list(same.values()) for same in spelled.values() if len(same) > 1]
    if not clashes:
        return
    found = [f"{_form(gloss)} in the {side}, clip {clip}" for gloss, side, clip in clashes[0][:2]]
    raise SlaError(
        f"{clashes[0][0][0]!r} is spelled in different Unicode normal forms: {' and '.join(found)}; "
        f"this affects {len(clashes)} of the glosses, which would count as errors",
        "Convert both sides to normal form C (NFC), or let --nfc do it.",
    )


def same_but_for_form(ids: Iterable[str], others: Iterable[str]) -> list[str]:
    """The ids, in normal form C, that are canonically equivalent to one of the others."""
    known = set(nfc(others))
    return [name for name in nfc(ids) if name in known]


def _form(gloss: str) -> str:
    """`NFD (U+0075 U+0308 …)`."""
    forms = [form for form in ("NFC", "NFD") if unicodedata.is_normalized(form, gloss)]
    points = " ".join(f"U+{ord(char):04X}" for char in gloss[:6])
    return f"{forms[0] if forms else 'neither NFC nor NFD'} ({points})"
