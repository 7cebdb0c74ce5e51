"""Definition of a corpus for prep: a name, published facts, its options, and a function that lists its clips."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sla_cli.config.checks import OptionValues
from sla_cli.core.clip import Clip
from sla_cli.errors import FormatError
from sla_cli.video.source import open_tree
from sla_cli.video.tree import Folder, Tree

OWN = "corpus"  # name of the division of a corpus that has one only


@dataclass
class Listing:
    """The content of the tables of a corpus.

    Attributes:
        clips: all clips, in the order of their tables; each once, also if several divisions have it.
        divisions: name of each division of the corpus to the split of each clip id; the first is the default. Empty if
            the corpus does not divide its clips.
        tables: name of each table that was read, with the digest of its content.
        skipped: id of each clip that is left out on purpose, with the reason.
    """

    clips: list[Clip] = field(default_factory=list)
    divisions: dict[str, dict[str, str]] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    _places: dict[str, int] = field(default_factory=dict)  # of the clips that `add` has put into `clips`

    def add(self, clip: Clip, division: str, split: str) -> None:
        """Put a clip into a split of a division.

        A clip of several divisions is listed once, from the first that has glosses for it: test splits may be published
        without.

        Raises:
            FormatError: the division has it already, or another one has it with another signer or other glosses.
        """
        splits = self.divisions.setdefault(division, {})
        place = self._places.setdefault(clip.id, len(self.clips))
        if place == len(self.clips):
            self.clips.append(clip)
        first = self.clips[place]
        if clip.id in splits:
            hint = "Remove or rename one of the two."
            raise FormatError(f"{clip.where}: clip {clip.id} is listed twice, first in {first.where}", hint)
        if first.glosses and clip.glosses and (first.signer, first.glosses) != (clip.signer, clip.glosses):
            message = f"{clip.where}: clip {clip.id} of {division} has another signer or other glosses in {first.where}"
            raise FormatError(message, "The tables are not those of one release.")
        if not first.glosses:
            self.clips[place] = clip
        splits[clip.id] = split


@dataclass(frozen=True)
class Corpus:
    """A corpus that `sla prep NAME SOURCE` reads.

    Attributes:
        name, title: the name for the command line, and a description in one line.
        layout: what SOURCE must contain, in one or two lines.
        read: lists the clips under a tree, according to the corpus's options.
        options: a dataclass of the corpus's own options; a field `media` is a folder with recordings.
        fps: frame rate of frame folders; None for videos, which have their own, or if it is unknown.
        first: number in the name of a frame folder's first picture, None if the corpus does not say.
        counts: by division and split the published number of clips, including skipped ones. Splits without a published
            number are not in it.
        frames: by division and split the published number of frames, if there is one.
        labels: the cleaning of training glosses that is the default here: `raw` or a profile's name.
        profile: the normalisation under which it is scored by default.
        preset: the training preset that is the default here.
        unseen: by division, what evaluation splits by definition do not share with train: `signers` or `sentences`.
        endings: of single files that may be given as SOURCE, in lower case.
        survey: describes the tiers of a source; None if the corpus has no tiers.
    """

    name: str
    title: str
    layout: str
    read: Callable[[Tree, Any], Listing]
    options: type[OptionValues] = OptionValues
    fps: float | None = None
    first: int | None = None
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    frames: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    labels: str = "raw"
    profile: str = "none"
    preset: str = "base"
    unseen: Mapping[str, str] = field(default_factory=dict)
    endings: tuple[str, ...] = ()
    survey: Callable[[Tree, Any], Any] | None = None

    def open(self, source: Path, cache: Path | None) -> Tree:
        """The tree of SOURCE; `cache` is as for `open_tree`. Raises SlaError if it is not what the corpus takes."""
        if source.is_file() and source.name.lower().endswith(self.endings):
            return Folder(source.parent, cache, source.name)
        return open_tree(source, cache)
