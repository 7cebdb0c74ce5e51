"""Turns an emissions file into an alignment file, with its receipt. Needs no torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sla_cli.align.align_clips import UNKNOWN, align_clips
from sla_cli.artifact.receipt import Receipt, unchanged_digest
from sla_cli.core.aligned_clip import AlignedClip
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.exchange.gloss_files import write_export
from sla_cli.log import progress
from sla_cli.store.clips import Split
from sla_cli.system.atomic import Check
from sla_cli.work.alignment import write_alignment
from sla_cli.work.emissions import Emissions
from sla_cli.work.kind import ALIGNMENT
from sla_cli.work.making import making
from sla_cli.work.references import reference_split


@dataclass(frozen=True)
class AlignedSplit:
    """The alignment of a split.

    Attributes:
        path: the table of the alignment.
        split: the split with the references.
    """

    path: Path
    split: Split
    clips: tuple[AlignedClip, ...]

    @property
    def left_out(self) -> dict[str, str]:
        """By clip id why no gloss of it has a span."""
        return {clip.id: clip.note for clip in self.clips if clip.note}

    @property
    def unknown(self) -> dict[str, int]:
        """How often each gloss occurs that the run does not know, and which so has no span; the most frequent first."""
        found = (one.gloss for clip in self.clips for one in clip.segments if one.note == UNKNOWN)
        return dict(Counter(found).most_common())

    @property
    def placed(self) -> int:
        """Glosses that have a span."""
        return sum(len(clip.placed) for clip in self.clips)


def align_file(
    emissions_path: Path, folder: Path, *, store: Path | None = None, out: Path | None = None, force: bool = False
) -> AlignedSplit:
    """Align the references of all clips of an emissions file.

    Args:
        folder: the folder of all alignments; this one is written to RUN/SPLIT-DIGEST.tsv in it.
        store: the store with the references; None is the store that the emissions were made from.
        out: a file to write instead.

    Raises:
        SlaError: no references; `out` is a folder, or exists with other content, and `force` is off; emissions that are
            no log-probabilities.
    """
    emissions = Emissions(emissions_path)
    header, split = emissions.header, reference_split(emissions, store)
    receipt = Receipt(
        "align",
        {},
        {"emissions": unchanged_digest(emissions_path), "split": split.digest},
        sources={
            "emissions": str(emissions_path.resolve()),
            "store": str(split.store.resolve()),
            "division": split.division,
            "split": header.split,
            "corpus": header.corpus,
        },
    )
    path = out or folder / emissions.made_by / f"{emissions_path.stem}-{receipt.fingerprint[:6]}.tsv"
    keep = out is not None and not force
    with making(path, receipt, kind=ALIGNMENT, keep=keep, inputs=(emissions_path,), force=force) as artifact:
        clips = []
        with progress(f"align {header.split}", len(emissions)) as advance:
            for clip in align_clips(emissions, header, dict(zip(split.ids, split.glosses, strict=True))):
                clips.append(clip)
                advance(1)
        aligned = AlignedSplit(path, split, tuple(clips))
        if artifact.there is None:
            artifact.begin()
            facts = {"corpus": header.corpus, "split": header.split}
            write_alignment(path, clips, facts, check=artifact.check)
            artifact.results = {
                "clips": len(clips),
                "glosses": aligned.placed,
                "left_out": aligned.left_out,
                "unknown": aligned.unknown,
            }
    return aligned


def write_ctm(path: Path, clips: Iterable[AlignedClip], *, check: Check | None = None) -> None:
    """The glosses that have a span, as CTM; `check` as for `atomic_write`.

    Raises SlaError for a clip without frame rate, or an id that CTM cannot hold.
    """
    write_export(path, "ctm", [[_placed(clip)] for clip in clips], check=check)


def _placed(clip: AlignedClip) -> Hypothesis:
    placed = clip.placed
    glosses, confidence = tuple(one.gloss for one in placed), tuple(one.confidence for one in placed)
    return Hypothesis(clip.id, glosses, spans=clip.spans, confidence=confidence, fps=clip.fps)
