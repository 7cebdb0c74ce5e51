"""Describes a file or folder that stages exchange: format, figures, and how it was made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sla_cli.artifact.receipt import VERSION, Receipt, read_receipt, read_receipt_file, unchanged_digest
from sla_cli.artifact.text import read_text
from sla_cli.core.calibration import UNCHANGED
from sla_cli.core.clip import SPLITS
from sla_cli.errors import SlaError, argument, some
from sla_cli.store import file as store_file
from sla_cli.store.division import Division, read_division
from sla_cli.store.file import StoreFile
from sla_cli.store.paths import STAGES, clips_files, division_names, division_path, lost_divisions
from sla_cli.store.store import are_all_shards
from sla_cli.work import alignment, emissions, hypotheses, model_folder, run, scores, tuning
from sla_cli.work.alignment import read_alignment
from sla_cli.work.emissions import Emissions
from sla_cli.work.hypotheses import parse_nbest
from sla_cli.work.kind import (
    ALIGNMENT,
    EMISSIONS,
    EXPORT,
    HYPOTHESES,
    MODEL,
    RECEIPT,
    RECEIPT_NAME,
    RUN,
    SCORE,
    STORE,
    STORE_FILE,
    TUNING,
    kind_of,
)
from sla_cli.work.model_folder import CONFIG, WEIGHTS, ModelFolder
from sla_cli.work.run import Run
from sla_cli.work.run_weights import check_vocabulary
from sla_cli.work.scores import read_scores
from sla_cli.work.tuning import read_tuned

KINDS = (
    "a store, export, run, model, emissions, hypotheses, alignment, tuning or score, a language model, a file of ELAN, "
    "Praat or subtitles, or a receipt"
)


@dataclass(frozen=True)
class Description:
    """Description of a file or folder.

    Attributes:
        path: its path; without the division of a store
        kind: store, file of a store, export, run, model, emissions, hypotheses, alignment, tuning, score,
            language model, annotation file, receipt
        format: name and version of the format; empty for formats of other tools
        complete: whether it is complete, which an artifact without its receipt is not; null if that is unknown: of a
            file of a store, a receipt, a file of another tool
        facts: its content in a few figures; they depend on the kind and may change with every version
        receipt: how it was made; null if unknown
    """

    path: Path
    kind: str
    format: str
    complete: bool | None
    facts: dict[str, Any]
    receipt: Receipt | None = None


def describe(path: Path) -> Description:
    """Read the description of an artifact.

    Raises:
        SlaError: it does not exist, or sla did not make it.
        FormatError: it has another version, or is damaged.
    """
    if not path.exists():
        raise SlaError(f"no such file or folder: {path}", f"Name {KINDS}.")
    if kind := kind_of(path):
        return DESCRIBED[kind](path)
    if (path / CONFIG).is_file() and (path / WEIGHTS).is_file():  # as with --run: says what is wrong with the model
        return _model(path)
    hint = f"Name {KINDS}."
    with suppress(SlaError):  # the folder of another program may have a receipt.json
        if around := next(filter(kind_of, path.parents[:2]), None):  # the second of a division of a store
            hint = f"It belongs to an artifact: `sla info {argument(around)}` describes that."
    if path.is_dir():
        held = some(sorted(entry.name for entry in path.iterdir())) or "nothing"
        raise SlaError(f"{path} is not a kind of folder that sla info describes; it holds {held}", hint)
    raise SlaError(f"{path} is not a kind of file that sla info describes", hint)


def _described(
    path: Path, kind: str, name: str, version: int, facts: dict[str, Any], *, whole: bool = True
) -> Description:
    """A description of an artifact, which is complete if it has a receipt and `whole` is true.

    Raises FormatError for a file that is not as its receipt says.
    """
    if path.is_file():
        unchanged_digest(path)
    receipt = read_receipt(path)
    return Description(path, kind, f"{name} {version}", whole and receipt is not None, facts, receipt)


def _store(path: Path) -> Description:
    """Also of a store that prep has not finished: the files and divisions that exist."""
    files = [StoreFile(file) for file in clips_files(path)]
    facts = _frames(files[0]) if files else {}
    if files:
        facts |= {
            "clips": sum(len(file.ids) for file in files),
            "frames": sum(sum(file.lengths) for file in files),
            "signers": len({signer for file in files for signer in file.signers} - {""}),
            "files": len(files),
            "bytes": sum(file.path.stat().st_size for file in files),
        }
    divisions = (read_division(division_path(path, name)) for name in division_names(path))
    facts["divisions"] = {one.name: _counts(one) for one in divisions}
    version = max((file.version for file in files), default=store_file.VERSION)
    made = read_receipt(path, *STAGES)
    lost = lost_divisions(path, made.results) if made is not None else []
    return _described(path, STORE, store_file.NAME, version, facts, whole=are_all_shards(files) and not lost)


def _counts(division: Division) -> dict[str, int]:
    """Number of clips in each split."""
    counts = Counter(division.splits.values())
    return {split: counts[split] for split in SPLITS if split in counts}


def _export(path: Path) -> Description:
    receipt = read_receipt(path)
    facts = {"store": receipt.sources.get("store", "unknown"), **receipt.results} if receipt is not None else {}
    facts = {key: value for key, value in facts.items() if key not in ("lengths", "pictures")}  # of thousands of clips
    return Description(path, EXPORT, "", receipt is not None, facts, receipt)


def _store_file(path: Path) -> Description:
    file = StoreFile(path)
    facts = {
        **_frames(file),
        "shard": f"{file.header.shard + 1} of {file.header.shards}",
        "clips": len(file.ids),
        "frames": sum(file.lengths),
        "bytes": path.stat().st_size,
    }
    return Description(path, STORE_FILE, f"{store_file.NAME} {file.version}", None, facts)


def _frames(file: StoreFile) -> dict[str, Any]:
    header = file.header
    quality = f" of quality {header.quality}" if header.codec == "jpeg" else ""
    return {
        "corpus": header.corpus,
        "pictures": f"{header.size}x{header.size}, {header.fit}, {header.codec}{quality}",
        "labels": header.labels,
    }


def _run(path: Path) -> Description:
    one = Run(path)
    facts, settings = one.facts, one.config
    check_vocabulary(one)
    epochs, lost = one.read_metrics(), one.lost
    one.check_best()
    calibrated = one.best.is_file() and one.read_calibration() is not UNCHANGED
    figures: dict[str, Any] = {
        **{key: getattr(facts, key) for key in ("corpus", "store", "division", "preset", "labels", "profile")},
        "frames": asdict(facts.frames),
        "variant": settings.model.variant,
        "backbone": settings.model.backbone,
        "glosses": len(one.glosses),
        "epochs": len(epochs),
        "of_epochs": settings.train.epochs,
        **({"init_from": copied} if (copied := one.read_copied()) else {}),
        "best_dev_wer": min((epoch["dev_wer"] for epoch in epochs), default=None),
        "times_of_glosses": "from frames" if one.frame_scores.is_file() else "from the search",
        "confidence": "calibrated" if calibrated else "not calibrated",
        "recordings_unlike_training": "warned of" if one.domain.is_file() else "not warned of",
        **({"missing": lost} if lost else {}),
    }
    return _described(path, RUN, run.NAME, one.version, figures, whole=one.best.is_file() and not lost)


def _model(path: Path) -> Description:
    model = ModelFolder(path)
    facts, settings = model.model_facts, model.config
    check_vocabulary(model)
    figures = {
        **{key: getattr(facts.run, key) for key in ("corpus", "division", "preset", "labels", "profile")},
        "frames": asdict(facts.run.frames),
        "variant": settings.model.variant,
        "backbone": settings.model.backbone,
        "weights_of_backbone": "in the folder" if facts.with_backbone else f"not in the folder: {facts.backbone_file}",
        "glosses": len(facts.glosses),
        "stored": facts.stored,
        "times_of_glosses": "from frames" if facts.frame_scores else "from the search",
        "confidence": "calibrated" if facts.calibration is not None else "not calibrated",
        "recordings_unlike_training": "warned of" if facts.domain else "not warned of",
        "files": facts.files,
    }
    return Description(path, MODEL, f"{model_folder.NAME} {model_folder.VERSION}", True, figures)


def _emissions(path: Path) -> Description:
    file = Emissions(path)
    header = file.header
    facts = {
        **{key: getattr(header, key) for key in ("corpus", "split", "run", "store", "division", "stride")},
        "fps": _rates(file.fps.tolist()),
        "clips": len(file),
        "frames": int(file.frames.sum()),
        "steps": int(file.offsets[-1]),
        "glosses": len(header.glosses),
        "bytes": path.stat().st_size,
    }
    return _described(path, EMISSIONS, emissions.NAME, file.version, facts)


def _hypotheses(path: Path) -> Description:
    text = read_text(path)
    header, nbest = parse_nbest(text, path)
    clips = list(nbest.values())
    best = [ranked[0] for ranked in clips]
    facts = {
        **vars(header),
        "fps": _rates(one.fps for one in best),
        "clips": len(clips),
        "hypotheses": sum(map(len, clips)),
        "glosses": sum(len(one.glosses) for one in best),
        "clips_without_glosses": sum(not one.glosses for one in best),
        "spans": any(one.spans for one in best),
        "confidence": any(one.confidence for one in best),
    }
    return _described(path, HYPOTHESES, hypotheses.NAME, hypotheses.VERSION, facts)


def _alignment(path: Path) -> Description:
    rows = read_alignment(path)
    glosses = [row for row in rows if row["gloss"]]
    facts = {
        "clips": len({row["clip"] for row in rows}),
        "glosses": len(glosses),
        "glosses_without_span": sum(not row["end_frame"] for row in glosses),
    }
    return _described(path, ALIGNMENT, alignment.NAME, alignment.VERSION, facts)


def _score(path: Path) -> Description:
    score = read_scores(path)
    interval = score.interval
    facts = {
        "wer": round(score.total.wer, 2),
        "interval": [round(interval.low, 2), round(interval.high, 2)] if interval else None,
        "errors": score.total.errors,
        "ref_words": score.total.ref_words,
        "clips": len(score.clips),
        "signature": score.signature,
    }
    return _described(path, SCORE, scores.NAME, scores.VERSION, facts)


def _tuning(path: Path) -> Description:
    return _described(path, TUNING, tuning.NAME, tuning.VERSION, asdict(read_tuned(path)))


def _receipt(path: Path) -> Description:
    artifact = path.parent if path.name == RECEIPT_NAME else path.with_name(path.name.removesuffix(f".{RECEIPT_NAME}"))
    facts = {"of": str(artifact), "there": artifact.exists()}
    return Description(path, RECEIPT, f"receipt {VERSION}", None, facts, read_receipt_file(path))


def _rates(rates: Iterable[float]) -> float | list[float] | None:
    """The frame rate of all clips, the different ones where there are several, None if it is not known."""
    found = sorted({round(rate, 3) for rate in rates if rate})
    return found[0] if len(found) == 1 else found or None


DESCRIBED: Mapping[str, Callable[[Path], Description]] = {
    STORE: _store,
    STORE_FILE: _store_file,
    RUN: _run,
    MODEL: _model,
    EMISSIONS: _emissions,
    HYPOTHESES: _hypotheses,
    ALIGNMENT: _alignment,
    TUNING: _tuning,
    SCORE: _score,
    EXPORT: _export,
    RECEIPT: _receipt,
}
