"""What a corpus is to prep: a name, published facts, and a function that lists its clips."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sla_cli.config import SourceConfig
from sla_cli.core.clip import Clip
from sla_cli.video.source import open_tree
from sla_cli.video.tree import Tree


@dataclass
class Listing:
    """What the tables of a corpus say.

    Attributes:
        clips: of all splits, in the order of their tables.
        tables: name of each table that was read, to the digest of its content.
        skipped: id of a clip that is left out on purpose, to the reason.
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
        name, title: as typed, and what it is in a line.
        layout: what SOURCE is to hold, in a line or two.
        fps: of frame folders; None for videos, which know their own, or where it is unknown.
        first: number in the name of a frame folder's first picture, None where the corpus does not say.
        counts: by protocol ("" where there are none) and split the published number of clips, those that are skipped
            included. A split of which no count is published is not in it.
        labels: the cleaning of training glosses that is the default here: `raw` or a profile's name.
        profile: the normalisation under which it is scored by default.
        preset: the training preset that is the default here.
        unseen: by protocol ("" where there are none), what evaluation splits do not share with train by promise:
            `signers` or `sentences`.
        protocols: divisions into splits to choose from; the first is the default. Empty where there is only one.
        takes: the fields of SourceConfig, besides `protocol`, that `read` looks at.
        frames: by protocol and split the published number of frames, where there is one.
        read: lists the clips under a tree, as the settings ask.
        open: makes that tree of what the user gives as SOURCE; a folder keeps lists of archives, as for `open_tree`.
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
