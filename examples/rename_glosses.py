r"""Writes copies of ELAN files in which glosses have other names, or none: `sla prep elan` leaves empty ones out.

Usage: python rename_glosses.py FOLDER COPY RULES TIER…

RULES is a text file with a rule in each line: a regular expression for the whole gloss, a tab, the new name (`\1` is
what the first brackets found) or nothing. The first rule that fits a gloss counts; a gloss of several words is tried
with spaces, then with hyphens. TIER is a name, or a pattern with *, as for `sla prep elan --tier`.
"""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from sla_cli.annotation.eaf_read import read_eaf
from sla_cli.annotation.tier import Tier, find_tiers
from sla_cli.artifact.text import read_text
from sla_cli.errors import SlaError

ET.register_namespace("xsi", "http://www.w3.org/2001/XMLSchema-instance")
Rules = Sequence[tuple[re.Pattern[str], str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("folder", "copy", "rules"):
        parser.add_argument(name, type=Path)
    parser.add_argument("tiers", nargs="+", metavar="tier")
    given = parser.parse_args()
    changes, damaged = Counter[tuple[str, str]](), False
    if given.copy.resolve().is_relative_to(given.folder.resolve()):  # else the next call would read the copies, too
        parser.error(f"{given.copy} must be outside of {given.folder}")
    if given.copy.exists():  # else it might be somebody's work, or keep files that FOLDER has no longer
        parser.error(f"{given.copy} is there already: remove it, or name a new folder")
    try:
        rules = read_rules(given.rules)
    except (SlaError, ValueError) as error:
        parser.error(str(error))
    names = {}  # of the tiers of each file that can be read
    for path in sorted(given.folder.rglob("*")):
        if path.suffix.lower() == ".eaf" and path.is_file():
            try:
                names[path] = [tier.name for tier in read(path)]
            except SlaError as error:
                print(f"{path}: left out, {error}", file=sys.stderr)
                damaged = True
    if not names:
        parser.error(f"{given.folder} is not a folder with ELAN files")
    for wanted in given.tiers:
        if not any(chosen(found, [wanted]) for found in names.values()):
            parser.error(f"no file has a tier {wanted}; `sla prep elan {given.folder} --list-tiers` shows them")
    for path, found in names.items():
        tree, tiers = ET.parse(path), chosen(found, given.tiers)
        texts = {mark.id: mark.text for tier in read(path) if tier.name in tiers for mark in tier.marks}
        changes += rename(tree, rules, texts)
        copy = given.copy / path.relative_to(given.folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        tree.write(copy, encoding="utf-8", xml_declaration=True)
    for (old, new), count in changes.most_common():
        print(f"{count}\t{old}\t{new or '(left out)'}")
    if damaged:
        sys.exit(2)


def read_rules(path: Path) -> Rules:
    """The rules of a file; a line without a tab leaves glosses out."""
    rules = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line:
            continue
        old, _, new = line.partition("\t")
        try:
            rules.append((re.compile(old), new.strip()))
            if found := re.fullmatch(f"{old}|", ""):
                found.expand(new.strip())  # are these brackets in the expression?
        except (re.error, IndexError) as error:
            raise ValueError(f"{path}: line {number}: {line!r} is not a rule: {error}") from error
    return rules


def read(path: Path) -> Sequence[Tier]:
    """The tiers of a file, as `sla prep elan` reads them. Raises SlaError if it cannot be read."""
    return read_eaf(path.read_bytes(), str(path)).tiers


def chosen(names: Sequence[str], wanted: Sequence[str]) -> set[str]:
    """Those of these tiers that `sla prep elan --tier` takes, too."""
    tiers = [Tier(name, ()) for name in names]
    return {tier.name for name in wanted for tier in find_tiers(tiers, name)}


def rename(tree: "ET.ElementTree[ET.Element]", rules: Rules, texts: Mapping[str, str]) -> Counter[tuple[str, str]]:
    """Change a document; returns how often each gloss got which name.

    Args:
        texts: by the ids of the annotations that may be changed: the text with single spaces, or the entry of a
            vocabulary that an annotation without text names.
    """
    changes = Counter[tuple[str, str]]()
    for annotation in tree.iter():
        old = texts.get(annotation.get("ANNOTATION_ID", ""), "")
        forms = (old, "-".join(old.split()))  # as in a translation, and as a gloss in `sla prep`
        fitting = (found.expand(name) for rule, name in rules for form in forms if (found := rule.fullmatch(form)))
        new = next(fitting, old)
        value = annotation.find("ANNOTATION_VALUE")
        if value is not None and old and new != old:
            value.text = new
            annotation.attrib.pop("CVE_REF", None)  # the entry, which has the old name
            changes[old, new] += 1
    return changes


if __name__ == "__main__":
    main()
