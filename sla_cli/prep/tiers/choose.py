"""Chooses the tiers of a file with glosses, utterances and translations: by request, or by a published convention."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Self

from msgspec import Meta

from sla_cli.annotation.subtitles import CUES
from sla_cli.annotation.tier import AnnotationFile, Tier, find_tiers
from sla_cli.config.bounds import LARGE
from sla_cli.config.checks import OptionValues, option
from sla_cli.errors import SlaError
from sla_cli.log import ONCE, log


@dataclass(frozen=True)
class TierOptions(OptionValues):
    """Options of `sla prep elan`. Tiers are given by name or by a pattern with * and ?."""

    media: str = option("", "Folder with the recordings, found there by name, if they are not where the files say.")
    video: str = option("", "Recording to use, by name or pattern, if an annotation file links several.")
    tier: tuple[str, ...] = option((), "Gloss tier, as in 'GlossR*'; repeat it for the other hand.")
    tier_type: tuple[str, ...] = option((), "Gloss tiers, by linguistic type.")
    utterance_tier: str = option("", "Tier whose annotations are the clips; pauses end a clip if not given.")
    translation_tier: str = option("", "Tier of translations.")
    pause: Annotated[float, Meta(ge=0, le=LARGE)] = option(
        1.0, "Seconds without a sign that end a clip, without --utterance-tier."
    )

    @classmethod
    def checked(cls, **values: Any) -> Self:
        """As for all options. Raises SlaError for a pause beside a tier of utterances, where it has no effect."""
        if values.get("utterance_tier") and values.get("pause", cls.pause) != cls.pause:
            raise SlaError(
                "--pause has no effect with --utterance-tier: its annotations are the clips", "Leave out one."
            )
        return super().checked(**values)


@dataclass(frozen=True)
class Scheme:
    """A convention of a corpus or tool; names of tiers are without the person at their end.

    Attributes:
        glosses: tiers with one gloss per annotation; of two hands the right one comes first.
        translation: tier with the spoken-language sentence, "" if there is none.
        utterances: tier whose annotations are the clips, if pauses cannot define them.
    """

    name: str
    glosses: tuple[str, ...]
    translation: str = ""
    utterances: str = ""


SCHEMES = (
    Scheme("BSL Corpus", ("RH-IDgloss", "LH-IDgloss"), "Free Translation"),
    Scheme("DGS Corpus", ("Lexem_Gebärde_r", "Lexem_Gebärde_l"), "Deutsche_Übersetzung"),
    Scheme("Corpus NGT", ("GlossR", "GlossL"), "TranslationNarrow"),
    Scheme("signlangtk, two hands", ("gloss-rh", "gloss-lh"), "translation"),
    Scheme("signlangtk", ("gloss",), "translation"),
    Scheme("sign-language-processing, sla", ("SIGN",), "SUBTITLE"),
    Scheme("subtitles", (CUES,), utterances=CUES),
)


@dataclass(frozen=True)
class Chosen:
    """Tiers of a file.

    Attributes:
        scheme: name of the convention, "" if the user named the tiers.
        glosses: in order of precedence.
        utterances: None if clips end at pauses.
        unknown: requested names and patterns that match no tier of this file.
    """

    scheme: str
    glosses: Sequence[Tier]
    utterances: Sequence[Tier] | None
    translations: Sequence[Tier]
    unknown: frozenset[str]


def choose(file: AnnotationFile, wanted: TierOptions) -> Chosen:
    """The requested tiers; if no gloss tiers are requested, those of the first scheme that fits.

    Raises SlaError if two of them have one name, as Praat allows.
    """
    unknown: set[str] = set()
    scheme, glosses = None, []
    for name in wanted.tier:
        glosses += _found(file, name, unknown)
    for kind in wanted.tier_type:
        of_type = [tier for tier in file.tiers if tier.type.casefold() == kind.casefold()]
        unknown |= set() if of_type else {kind}
        glosses += of_type
    if not wanted.tier and not wanted.tier_type:
        scheme, glosses = _by_scheme(file)
    utterances = wanted.utterance_tier or (scheme.utterances if scheme else "")
    if utterances and wanted.pause != TierOptions.pause:
        message = "--pause has no effect on subtitles, whose cues are the clips; with --tier %s each is a gloss"
        log.warning(message, CUES, extra=ONCE)
    translations = _found(file, wanted.translation_tier, unknown) if wanted.translation_tier else []
    if scheme and scheme.translation and not wanted.translation_tier:
        translations = find_tiers(file.tiers, scheme.translation)
    clips = _found(file, utterances, unknown) if utterances else None
    chosen = {id(tier): tier for tier in (*glosses, *translations, *(clips or ()))}
    for name, number in Counter(tier.name for tier in chosen.values()).items():
        if number > 1:
            raise SlaError(f"several tiers are named {name[:80]!r}", "Rename all but one of them, in Praat.")
    return Chosen(
        scheme.name if scheme else "",
        list({tier.name: tier for tier in glosses}.values()),
        clips,
        translations,
        frozenset(unknown),
    )


def _found(file: AnnotationFile, name: str, unknown: set[str]) -> list[Tier]:
    tiers = find_tiers(file.tiers, name)
    unknown |= set() if tiers else {name}
    return tiers


def _by_scheme(file: AnnotationFile) -> tuple[Scheme | None, list[Tier]]:
    """The first scheme that has tiers with annotations in a file, or else the first that has tiers."""
    fitting = [
        (scheme, tiers)
        for scheme in SCHEMES
        if (tiers := [tier for name in scheme.glosses for tier in find_tiers(file.tiers, name)])
    ]
    annotated = (pair for pair in fitting if any(tier.filled for tier in pair[1]))
    return next(annotated, None) or next(iter(fitting), (None, []))
