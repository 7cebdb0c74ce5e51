"""Definition of a corpus for prep: a name, published facts, and a function that lists its clips."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sla_cli.config.settings import SourceConfig
from sla_cli.core.clip import Clip
from sla_cli.video.source import open_tree
from sla_cli.video.tree import Tree


@dataclass
class Listing:
    """The content of the tables of a corpus.

    Attributes:
        clips: clips of all splits, in the order of their tables.
        tables: name of each table that was read, with the digest of its content.
        skipped: id of each clip that is left out on purpose, with the reason.
        annotated: the splits that have reference glosses.
    """

    clips: list[Clip] = field(default_factory=list)
    tables: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    annotated: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Corpus:
    """A corpus that `sla prep NAME SOURCE` reads.

    Attributes:
        name, title: the name for the command line, and a description in one line.
        layout: what SOURCE must contain, in one or two lines.
        fps: frame rate of frame folders; None for videos, which have their own, or if it is unknown.
        first: number in the name of a frame folder's first picture, None if the corpus does not say.
        counts: by protocol ("" if there are none) and split the published number of clips, including
            skipped ones. Splits without a published number are not in it.
        labels: the cleaning of training glosses that is the default here: `raw` or a profile's name.
        profile: the normalisation under which it is scored by default.
        preset: the training preset that is the default here.
        unseen: by protocol ("" if there are none), what evaluation splits by definition do not share with train:
            `signers` or `sentences`.
        protocols: divisions into splits to choose from; the first is the default. Empty if there is only one.
        takes: the fields of SourceConfig that `read` uses, in addition to `protocol`.
        frames: by protocol and split the published number of frames, if there is one.
        read: lists the clips under a tree, according to the settings.
        open: opens this tree from the SOURCE of the user; a folder stores lists of archives, as for `open_tree`.
    """

    name: str
    title: str
    layout: str
    read: Callable[[Tree, SourceConfig], Listing]
    fps: float | None = None
    first: int | None = None
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    labels: str = "raw"
    profile: str = "none"
    preset: str = "base"
    unseen: Mapping[str, str] = field(default_factory=dict)
    protocols: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    frames: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    open: Callable[[Path, Path | None], Tree] = open_tree
