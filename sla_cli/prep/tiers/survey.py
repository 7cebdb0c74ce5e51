"""Lists the tiers of all annotation files of a source (`sla prep elan SOURCE --list-tiers`)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from sla_cli.annotation.tier import Tier
from sla_cli.core.quantities import Amount, Count
from sla_cli.errors import naming, some
from sla_cli.prep.tables.media import MediaFolder
from sla_cli.prep.tiers.choose import TierOptions, choose
from sla_cli.prep.tiers.files import list_files, parse_files
from sla_cli.prep.tiers.names import people
from sla_cli.prep.tiers.recordings import Recordings
from sla_cli.video.tree import Tree

EXAMPLES = 5  # number of a tier's most frequent values that are shown
SHOWN = ("type", "constraint", "parent", "participant", "annotator")


class TierFigures(Struct, kw_only=True):
    """A tier's name over all files.

    Attributes:
        type: different linguistic types in all files
        constraint: different constraints
        parent: different parent tiers
        participant: different participants
        annotator: different annotators
        files: number of files with this tier
        annotations: number of its annotations with text
        seconds: total time of these
        distinct: number of different values
        examples: the most frequent values
        taken: number of files in which this tier would be read as glosses
    """

    type: list[str]
    constraint: list[str]
    parent: list[str]
    participant: list[str]
    annotator: list[str]
    files: Count
    annotations: Count
    seconds: Amount
    distinct: Count
    examples: list[str]
    taken: Count


class MediaFigures(Struct, kw_only=True):
    """Recordings of the annotation files.

    Attributes:
        found: number of files whose recordings were found
        missing: number of files whose recordings were not found
        looked: by file, the recordings that were not found
    """

    found: Count
    missing: Count
    looked: dict[str, str]


class TierSurvey(Struct, kw_only=True):
    """The tiers of all annotation files of a source.

    Attributes:
        files: number of annotation files
        tiers: by tier name, its figures; those that would be read as glosses first, then those with most annotations
        schemes: by convention, the number of files that follow it
        media: recordings of the annotation files
    """

    files: Count
    tiers: dict[str, TierFigures]
    schemes: dict[str, int]
    media: MediaFigures


def survey_tiers(tree: Tree, wanted: TierOptions) -> TierSurvey:
    """All tiers by name, and the number of recordings that are found.

    Raises:
        SlaError: as for reading the corpus, if there is no file or one is invalid.
    """
    recordings = Recordings(tree, MediaFolder(Path(wanted.media)) if wanted.media else None, wanted.video)
    by_name: defaultdict[str, list[Tier]] = defaultdict(list)
    taken, schemes = Counter[str](), Counter[str]()
    looked: dict[str, str] = {}
    files = 0
    for listed, file in parse_files(tree, list_files(tree, {}), {}):
        files += 1
        for tier in file.tiers:
            by_name[tier.name].append(tier)
        with naming(tree.where(listed.path)):
            chosen = choose(file, wanted)
        schemes.update(filter(None, [chosen.scheme]))
        taken.update(tier.name for tier in chosen.glosses)
        places = [recordings.of(listed.path, file, person) for person in people(chosen.glosses, file.tiers) or ("",)]
        looked.update((listed.path, place.missing) for place in places if place.missing)
    figures = [(name, _figures(tiers, taken[name])) for name, tiers in by_name.items()]
    return TierSurvey(
        files=files,
        tiers=dict(sorted(figures, key=lambda one: (not one[1].taken, -one[1].annotations))),
        schemes=dict(schemes),
        media=MediaFigures(found=files - len(looked), missing=len(looked), looked=looked),
    )


def _figures(tiers: Sequence[Tier], taken: int) -> TierFigures:
    """The figures of the tiers of one name."""
    marks = [mark for tier in tiers for mark in tier.filled]
    values = Counter(mark.text for mark in marks)
    return TierFigures(
        **{name: sorted({getattr(tier, name) for tier in tiers} - {""}) for name in SHOWN},
        files=len(tiers),
        annotations=len(marks),
        seconds=round(sum(mark.end - mark.start for mark in marks) / 1000, 3),
        distinct=len(values),
        examples=[value for value, _ in values.most_common(EXAMPLES)],
        taken=taken,
    )


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.1f} s"


def tiers_text(survey: TierSurvey) -> str:
    """The result of `survey_tiers` as text for people."""
    lines = [f"annotation files: {survey.files}"]
    for name, row in survey.tiers.items():
        kind = [f"{key} {', '.join(getattr(row, key))}" for key in SHOWN if getattr(row, key)]
        lines += [
            "",
            name + (f"   <- glosses, files: {row.taken}" if row.taken else ""),
            *([f"  {'; '.join(kind)}"] if kind else []),
            f"  annotations: {row.annotations}, {_duration(row.seconds)}; files: {row.files}; "
            f"different values: {row.distinct}",
            *([f"  {' | '.join(value[:40] for value in row.examples)}"] if row.examples else []),
        ]
    known = "; ".join(f"{name} (files: {count})" for name, count in survey.schemes.items())
    media = survey.media
    lines += ["", f"conventions: {known or 'no known one'}", f"recordings: {media.found} found"]
    if media.missing:
        looked = some(f"{path} ({what})" for path, what in media.looked.items())
        lines[-1] += f", {media.missing} missing: {looked}"
    return "\n".join(lines)
