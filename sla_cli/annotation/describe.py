"""Describes an annotation file: its recordings and its tiers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from sla_cli.annotation.formats import can_read, parse_annotation
from sla_cli.annotation.tier import Tier
from sla_cli.artifact.text import read_bytes
from sla_cli.work.describe import Description


def describe_annotation(path: Path) -> Description | None:
    """The recordings and tiers of a file that sla reads annotations from; None for anything else.

    Raises:
        FormatError: its content is not that of its extension; names file and line.
    """
    if not path.is_file() or not can_read(path.name):
        return None
    file = parse_annotation(read_bytes(path), str(path))
    tiers, numbers = dict[str, dict[str, object]](), Counter[str]()
    for tier in file.tiers:
        numbers[tier.name] += 1  # Praat allows equal names
        tiers[f"{tier.name} ({numbers[tier.name]})" if numbers[tier.name] > 1 else tier.name] = _figures(tier)
    facts = {"recordings": [link.relative or link.absolute for link in file.links], "tiers": tiers}
    return Description(path, "annotation file", "", None, facts)


def _figures(tier: Tier) -> dict[str, object]:
    return {
        "annotations": len(tier.filled),
        "seconds": round(sum(mark.end - mark.start for mark in tier.filled) / 1000, 3),
        "different_values": len({mark.text for mark in tier.filled}),
        "parent": tier.parent,
        "annotator": tier.annotator,
    }
