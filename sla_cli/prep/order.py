"""What `sla prep` is asked for."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sla_cli.config import DivisionConfig, PrepConfig, SourceConfig
from sla_cli.core.digest import digest_json
from sla_cli.formats.receipt import Receipt
from sla_cli.prep.corpus import Corpus
from sla_cli.prep.division import name_of
from sla_cli.prep.encode import ENCODER
from sla_cli.prep.labels import Labels
from sla_cli.prep.resume import OnError, PrepArguments


@dataclass(frozen=True)
class Order:
    """What is to be stored, and how.

    Attributes:
        source: where the corpus lies.
        wanted: what of the source is read, and how; the protocol "" is the corpus's first.
        division: into splits, where not the corpus's own is wanted.
        frames_from: a finished store whose frames are used where they lie.
        on_error: whether a clip that cannot be read stops the store from being written, or is left out of it.
        force: replace a store of other settings. One of the same settings is made from the frames again, or, where
            recordings were changed since, from the frames of those.
    """

    corpus: Corpus
    source: Path
    config: PrepConfig = field(default_factory=PrepConfig)
    wanted: SourceConfig = field(default_factory=SourceConfig)
    division: DivisionConfig = field(default_factory=DivisionConfig)
    frames_from: Path | None = None
    on_error: OnError = "stop"
    force: bool = False

    @property
    def form(self) -> dict[str, Any]:
        """All that decides what a frame becomes."""
        config = self.config
        quality = config.quality if config.codec == "jpeg" else 0
        return {"size": config.size, "fit": config.fit, "codec": config.codec, "quality": quality}

    @property
    def recipe(self) -> str:
        """Clips of equal recipe and equal recordings have equal frames."""
        return digest_json([self.form, self.config.fps, self.corpus.fps, self.corpus.first, ENCODER])

    @property
    def drawn(self) -> str:
        """Name of the division that is drawn, "" for none."""
        return name_of(self.division)

    def receipt(self, labels: Labels, tables: dict[str, str], source: Path) -> Receipt:
        """The receipt of the store, without results. Where the corpus lies is no part of its fingerprint."""
        frames = {**self.form, "fps": self.config.fps, "encoder": ENCODER}
        settings = {"labels": labels.name, "shard_clips": self.config.shard_clips}
        reading = {key: value for key, value in asdict(self.wanted).items() if key in self.corpus.takes}
        reading.pop("media", None)
        drawn = {key: value for key, value in asdict(self.division).items() if self.division.split_by}
        corpus = {"corpus": self.corpus.name, "protocol": self.wanted.protocol}
        receipt = Receipt("prep", {**corpus, **frames, **settings, **reading, **drawn}, tables)
        receipt.sources = {"source": str(source)}
        if self.wanted.media:
            receipt.sources["media"] = self.wanted.media
        if self.frames_from is not None:
            receipt.sources["frames_from"] = str(self.frames_from)
        return receipt

    def arguments(self, replaces: str) -> PrepArguments:
        """As an unfinished store keeps them."""
        parts = asdict(self.config), asdict(self.wanted), asdict(self.division)
        lender = str(self.frames_from or "")
        return PrepArguments(self.corpus.name, str(self.source), *parts, lender, self.on_error, self.force, replaces)
