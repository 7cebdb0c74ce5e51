"""The order that `sla prep` is given."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sla_cli.artifact.receipt import Receipt
from sla_cli.config.settings import DivisionConfig, PrepConfig, SourceConfig
from sla_cli.core.digest import digest_json
from sla_cli.prep.corpus import Corpus
from sla_cli.prep.division import name_of
from sla_cli.prep.encode import ENCODER
from sla_cli.prep.labels import Labels
from sla_cli.prep.resume import OnError, PrepArguments


@dataclass(frozen=True)
class Order:
    """What should be stored, and how.

    Attributes:
        source: path of the corpus.
        wanted: which parts of the source are read, and how; the protocol "" is the corpus's first.
        division: division into splits, if not that of the corpus.
        frames_from: a finished store whose frames are used in place.
        on_error: whether a clip that cannot be read prevents writing the store, or is left out.
        force: replace a store with other settings. If it has the same settings, all frames are encoded again; if
            recordings were changed since, only those.
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
        """Everything that determines the stored frame."""
        config = self.config
        quality = config.quality if config.codec == "jpeg" else 0
        return {"size": config.size, "fit": config.fit, "codec": config.codec, "quality": quality}

    @property
    def recipe(self) -> str:
        """Clips with equal recipe and equal recordings have equal frames."""
        return digest_json([self.form, self.config.fps, self.corpus.fps, self.corpus.first, ENCODER])

    @property
    def drawn(self) -> str:
        """Name of the division that is drawn, "" for none."""
        return name_of(self.division)

    def receipt(self, labels: Labels, tables: dict[str, str], source: Path) -> Receipt:
        """The receipt of the store, without results. The path of the corpus is not part of its fingerprint."""
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
        """The arguments as stored in an unfinished store."""
        parts = asdict(self.config), asdict(self.wanted), asdict(self.division)
        lender = str(self.frames_from or "")
        return PrepArguments(self.corpus.name, str(self.source), *parts, lender, self.on_error, self.force, replaces)
