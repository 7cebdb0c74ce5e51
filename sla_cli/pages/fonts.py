"""Chooses installed fonts for glosses of any script."""

from __future__ import annotations

from collections.abc import Iterator
from unicodedata import category

from matplotlib.font_manager import FontEntry, findfont, fontManager, get_font

FIRST = "DejaVu Sans"  # included in matplotlib; has Latin, Greek, Cyrillic and Arabic
# Preferred: sans-serif fonts with even weight and many characters; simplified Chinese before the other Han styles.
PREFERRED = ("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", "Noto Sans")
LAST_RESORT = "Last Resort"  # a font that has all characters, as boxes; matplotlib uses it as a fallback itself
REGULAR = 400


def families_for(text: str) -> tuple[list[str], set[str]]:
    """Font families that together have the characters of a text, and the characters that no font has."""
    families = [FIRST]
    visible = {char for char in text if not char.isspace() and category(char) != "Cf"}  # Cf: joiners, directions
    missing = visible - _covered(findfont(FIRST))
    for entry in _candidates():
        if not missing:
            break
        if found := missing & _covered(entry.fname):
            families.append(entry.name)
            missing -= found
    return families, missing


def _candidates() -> Iterator[FontEntry]:
    """Installed fonts, only upright regular ones, the preferred ones first."""
    upright = [
        entry
        for entry in fontManager.ttflist
        if entry.style == "normal" and entry.weight == REGULAR and not entry.name.startswith(LAST_RESORT)
    ]
    rank = {name: number for number, name in enumerate(PREFERRED)}
    yield from sorted(upright, key=lambda entry: (rank.get(entry.name, len(rank)), "Serif" in entry.name, entry.name))


def _covered(file: str) -> set[str]:
    try:
        return {chr(code) for code in get_font(file).get_charmap()}
    except (OSError, RuntimeError):  # matplotlib's list of fonts is older than what is installed now
        return set()
