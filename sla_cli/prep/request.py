"""What a store should hold: one form from the options of `sla prep` to the receipt, and back to continue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sla_cli.artifact.receipt import Receipt
from sla_cli.config.checks import OptionValues
from sla_cli.config.settings import PrepConfig
from sla_cli.core.digest import digest_json
from sla_cli.prep.corpora import find_corpus
from sla_cli.prep.corpus import Corpus
from sla_cli.prep.encoding.encode import ENCODER


@dataclass(frozen=True)
class PrepRequest:
    """A corpus, where it is, and how it is stored.

    Attributes:
        corpus: its definition.
        source: path of the corpus.
        options: of the corpus, an object of `corpus.options`.
        frames: how frames and glosses are stored.
    """

    corpus: Corpus
    source: Path
    options: OptionValues
    frames: PrepConfig = field(default_factory=PrepConfig)

    @classmethod
    def checked(
        cls,
        corpus: str,
        source: Path,
        options: Mapping[str, Any] | None = None,
        frames: Mapping[str, Any] | None = None,
    ) -> PrepRequest:
        """A request from names and values. Raises SlaError that names the option of a wrong value."""
        found = find_corpus(corpus)
        given = dict(options or {})
        if given.get("media"):
            given["media"] = str(Path(given["media"]).resolve())
        return cls(found, source.resolve(), found.options.checked(**given), PrepConfig.checked(**frames or {}))

    @property
    def media(self) -> Path | None:
        """The folder of recordings outside the corpus, if there is one."""
        media = getattr(self.options, "media", "")
        return Path(media) if media else None

    @property
    def form(self) -> dict[str, Any]:
        """Everything that determines the stored frame."""
        frames = self.frames
        quality = frames.quality if frames.codec == "jpeg" else 0
        return {"size": frames.size, "fit": frames.fit, "codec": frames.codec, "quality": quality}

    @property
    def recipe(self) -> str:
        """Clips with equal recipe and equal recordings have equal frames."""
        return digest_json([self.form, self.frames.fps, self.corpus.fps, self.corpus.first, ENCODER])

    def receipt(self, labels: str, tables: Mapping[str, str], root: Path) -> Receipt:
        """The receipt of the store, without results. Where the corpus is is not part of its fingerprint.

        Args:
            labels: name of the cleaning, with its version.
            tables: name of each table that was read, with its digest.
            root: folder or archive of the corpus.
        """
        options = {key: value for key, value in asdict(self.options).items() if key != "media"}
        frames = {**asdict(self.frames), **self.form, "labels": labels, "encoder": ENCODER}
        places = {"source": str(root)} | ({"media": str(self.media)} if self.media else {})
        return Receipt("prep", {"corpus": self.corpus.name, **frames, **options}, dict(tables), sources=places)

    def to_json(self) -> dict[str, Any]:
        """The request as JSON values."""
        parts = {"options": asdict(self.options), "frames": asdict(self.frames)}
        return {"corpus": self.corpus.name, "source": str(self.source), **parts}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> PrepRequest:
        """The request of `to_json`. Raises SlaError, KeyError, TypeError or ValueError for other values."""
        if values.keys() != {"corpus", "source", "options", "frames"}:
            raise ValueError(f"it has the keys {', '.join(values)}")
        return cls.checked(values["corpus"], Path(values["source"]), {**values["options"]}, {**values["frames"]})
