"""Collects what the files of a corpus contain: whether it matches the request, and messages about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sla_cli.annotation.eaf import ANNOTATOR
from sla_cli.annotation.tier import AnnotationFile, impersonal, plain
from sla_cli.core.clip import Clip
from sla_cli.core.counted import counted
from sla_cli.errors import SlaError, some, suggestion
from sla_cli.log import log
from sla_cli.prep.tables.annotation import report_missing
from sla_cli.prep.tiers.choose import Chosen, TierOptions
from sla_cli.prep.tiers.names import person_of
from sla_cli.prep.tiers.recordings import Recordings
from sla_cli.prep.tiers.utterances import Counts

LOOK = "Print the tiers with --list-tiers, then name some with --tier or --tier-type."
SHOWN = 12  # most tiers in a message, and most choices of tiers


@dataclass
class Found:
    """The counts so far.

    Attributes:
        chosen: tiers of glosses with the convention that chose them, with the number of files.
        tiers: number of annotations by the name of their tier, of all files.
        types: linguistic types.
        unknown: by requested tier, the number of files without it.
        beside: gloss tiers that are not read, since another has their name without the person at its end.
        suffixed: people who are named only at the ends of tier names, with the number of files.
        of_nobody: gloss tiers without a person, beside others of the same file that have one.
        recognised: annotations of gloss tiers whose annotator is sla itself.
        unusable: utterances with glosses whose times make no clip, with the reason.
        missing: files whose recording was not found, with the names that were searched.
        lost: number of clips lost because of that.
    """

    counts: Counts = field(default_factory=Counts)
    chosen: Counter[tuple[str, str]] = field(default_factory=Counter)
    tiers: Counter[str] = field(default_factory=Counter)
    types: set[str] = field(default_factory=set)
    unknown: Counter[str] = field(default_factory=Counter)
    beside: Counter[str] = field(default_factory=Counter)
    suffixed: Counter[str] = field(default_factory=Counter)
    of_nobody: set[str] = field(default_factory=set)
    recognised: int = 0
    unusable: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    lost: int = 0
    files: int = 0

    def add(self, file: AnnotationFile, chosen: Chosen) -> None:
        """A file and its tiers that are used."""
        self.files += 1
        self.tiers.update({tier.name: len(tier.filled) for tier in file.tiers})
        self.types |= {tier.type for tier in file.tiers} - {""}
        self.unknown.update(chosen.unknown)
        self.recognised += sum(len(tier.marks) for tier in chosen.glosses if tier.annotator == ANNOTATOR)
        if chosen.scheme:
            self.beside.update(_beside(file, chosen))
        by_name = {tier.name: tier for tier in file.tiers}
        unnamed = {tier.name for tier in chosen.glosses if not person_of(tier, by_name)}
        if len(unnamed) < len(chosen.glosses):
            self.of_nobody |= unnamed
        if chosen.glosses:
            self.chosen[chosen.scheme, ", ".join(tier.name for tier in chosen.glosses)] += 1

    def check_tiers(self, where: str, wanted: TierOptions) -> None:
        """Raise SlaError if no file has a requested tier, or one that contains glosses by any convention."""
        for name, files in self.unknown.items():
            if files == self.files:
                of_type = name in wanted.tier_type
                near = suggestion(name, self.types if of_type else self.tiers)
                hint = f"{near} {LOOK}" if near.startswith("Did") else LOOK
                kind = "a tier of type" if of_type else "a tier"
                raise SlaError(f"{where}: no file has {kind} {name!r}; {self._tiers()}", hint)
        if not self.chosen:
            raise SlaError(f"{where}: which tiers contain glosses? No known convention fits; {self._tiers()}", LOOK)

    def check_recordings(self, where: str, clips: Sequence[Clip], hint: str) -> None:
        """Warn of missing recordings: their clips are lost. Raise SlaError if there is no recording, or no clip."""
        if not clips and self.unusable:
            told = some((f"{name}: {reason}" for name, reason in self.unusable.items()), 3)
            raise SlaError(f"{where}: no utterance can be a clip: {told}", "Correct the times of the annotations.")
        if not clips and self.counts.outside:
            message = f"{where}: none of {counted(self.counts.outside, 'gloss')} is in an utterance that has a duration"
            raise SlaError(f"{message}; {self._tiers()}", "Correct the times of the annotations.")
        if not clips:
            raise SlaError(f"{where}: no utterance has glosses; {self._tiers()}", LOOK)
        lines = [f"{path}: no recording; {looked}" for path, looked in self.missing.items()]
        report_missing(lines, len(lines), "files", hint, all_lost=self.lost == len(clips))

    def log_summary(self, wanted: TierOptions, recordings: Recordings) -> None:
        """How the annotations were read, with numbers."""
        for (scheme, tiers), files in self.chosen.most_common(SHOWN):
            by = f", as in {scheme}" if scheme else ""
            log.info("glosses of %d of %s: tiers %s%s", files, counted(self.files, "file"), tiers, by)
        if len(self.chosen) > SHOWN:
            log.info("and %s of tiers", counted(len(self.chosen) - SHOWN, "other choice"))
        if len({scheme for scheme, _ in self.chosen}) > 1:
            log.warning("the files follow several conventions; --tier selects the same tiers in all")
        if self.recognised:
            log.warning(
                "%s from tiers whose annotator is sla: a model that is trained on glosses that sla recognised "
                "learns its errors. Leave out such files, or correct them and set yourself as the tier's annotator "
                "(in WebVTT, remove the note)",
                counted(self.recognised, "annotation is", "annotations are"),
            )  # fmt: skip
        if several := sorted(name for name, files in self.suffixed.items() if files > 1):
            log.warning(
                "%s named only at the ends of tier names, in several files: %s; is each always the same person? If "
                "not, name the signers in a table with the columns eaf and signer",
                counted(len(several), "signer is", "signers are"), some(several),
            )  # fmt: skip
        if self.of_nobody:
            log.warning(
                "%s no person, while other tiers of the same file do: %s; their glosses are taken as of the only "
                "person that is named there, and of nobody beside several. Name the participant in ELAN",
                counted(len(self.of_nobody), "tier names", "tiers name"), some(sorted(self.of_nobody)),
            )  # fmt: skip
        if self.beside:
            message = "not read: tiers %s; end the name of the tier beside them with its person too, as in SIGN_A"
            log.warning(message, some(self.beside))
        for name, files in self.unknown.items():
            have = "has" if files == 1 else "have"
            log.warning("%d of %s %s no tier %r", files, counted(self.files, "file"), have, name)
        self._log_counts(wanted)
        used = {(path, taken) for (path, _), (taken, _) in recordings.several.items()}
        unused = {
            (path, person): (taken, left)  # the halves of a picture are each the video of a person
            for (path, person), (taken, others) in recordings.several.items()
            if (left := [name for name in others if (path, name) not in used])
        }
        if unused:
            (path, person), (taken, others) = next(iter(unused.items()))
            linking = len({path for path, _ in unused})
            log.warning(
                "%s several videos, of which one is used: for %s %s, not %s; --video selects another",
                counted(linking, "file links", "files link"), f"{path} {person}".strip(), taken, some(others),
            )  # fmt: skip
        if recordings.unlike:
            path, (taken, own) = next(iter(recordings.unlike.items()))
            log.warning(
                "%s another video than the one of the same name: %s is of %s, not of %s, which is beside it and which "
                "`sla annotate` shows of a folder; correct the link in ELAN (Edit, Linked Files) if that is not meant",
                counted(len(recordings.unlike), "file links", "files link"), path, taken, own,
            )  # fmt: skip

    def _log_counts(self, wanted: TierOptions) -> None:
        counts = self.counts
        if counts.two_handed or counts.overlapping:
            log.info(
                "two hands: %s the same gloss on both, which counts once; %s before a sign of "
                "another gloss has ended, kept in order of the starts",
                counted(counts.two_handed, "sign has", "signs have"),
                counted(counts.overlapping, "other begins", "others begin"),
            )  # fmt: skip
        if counts.empty:
            log.info("skipping %s without text", counted(counts.empty, "annotation"))
        if counts.joined:
            shown = some(counts.joined)
            log.warning("joining %s of several words with hyphens: %s", counted(counts.joined.total(), "gloss"), shown)
        if 2 * counts.joined.total() > counts.glosses:
            log.warning("does an annotation contain a whole utterance? Then also give its tier as --utterance-tier")
        if counts.outside:
            every, be = counted(counts.glosses, "gloss"), "is" if counts.outside == 1 else "are"
            log.warning("%d of %s %s outside all utterances, so in no clip", counts.outside, every, be)
        if counts.untranslated:
            between = "utterance" if wanted.utterance_tier else "clip (pauses end clips; see --utterance-tier)"
            number = counted(counts.untranslated, "translation is", "translations are")
            log.warning("%s outside every %s", number, between)

    def _tiers(self) -> str:
        tiers = (f"{name} ({count})" for name, count in self.tiers.most_common())
        return f"tiers with their annotations: {some(tiers, SHOWN) or 'none'}"


def _beside(file: AnnotationFile, chosen: Chosen) -> list[str]:
    """Tiers such as SIGN_B, beside a chosen SIGN."""
    taken = {tier.name for tier in chosen.glosses}
    names = {plain(name).casefold() for name in taken}
    others = [tier.name for tier in file.tiers if tier.filled and tier.name not in taken]
    return [name for name in others if impersonal(plain(name)).casefold() in names]
