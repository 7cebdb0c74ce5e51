"""Scores hypotheses files against their references: in memory, or into a score folder with its receipt."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sla_cli.artifact.receipt import Receipt, read_receipt
from sla_cli.core.clip import split_origin
from sla_cli.core.hypothesis import Glosses
from sla_cli.core.normalize import profile
from sla_cli.core.result import Score
from sla_cli.errors import FormatError, SlaError, naming
from sla_cli.exchange.gloss_files import GlossFile, read_gloss_file
from sla_cli.log import ONCE, log
from sla_cli.score.score import ScoreOptions, score
from sla_cli.store.paths import names_store
from sla_cli.system.atomic import short_name
from sla_cli.system.garbage_collection import without_garbage_collection
from sla_cli.work.making import making
from sla_cli.work.scores import write_scores

if TYPE_CHECKING:
    from sla_cli.store.clips import Split

AUTO = "auto"


@dataclass(frozen=True)
class References:
    """Glosses, and signers and recordings if they are known, by clip id; their source, and the profile of a corpus."""

    glosses: Mapping[str, Glosses]
    signers: Mapping[str, str] = field(default_factory=dict)
    recordings: Mapping[str, str] = field(default_factory=dict)
    source: Path = Path()
    digest: str = ""
    profile: str = ""


def score_file(
    hypotheses: Path, folder: Path, *, ref: Path | None = None, options: ScoreOptions | None = None
) -> tuple[Path, Score]:
    """Score a hypotheses file of any format.

    Args:
        folder: in which the score folder is made; its name is made of hypotheses and profile.
        ref: STM or table file, or a store; without it, the store from which sla's own hypotheses come.
        options: profile `auto`, also without options, is that of the corpus if it is known, else none.

    Returns:
        The score folder and the score.

    Raises:
        SlaError: ids do not match (listed), an unknown profile, or no references given.
    """
    with without_garbage_collection():
        result, receipt = score_in_memory(hypotheses, ref, options or ScoreOptions(AUTO))
        return _written(result, receipt, hypotheses, folder), result


def _written(result: Score, receipt: Receipt, hypotheses: Path, folder: Path) -> Path:
    out = folder / f"{short_name(hypotheses.stem)}-{result.profile}-{receipt.fingerprint[:6]}"
    with making(out, receipt, force=True) as artifact:
        artifact.begin()
        artifact.results = {
            "wer": result.total.wer,
            "utterances": len(result.clips),
            **({"tuned_on": result.tuned_on} if result.tuned_on else {}),
            "digests": write_scores(out, result),
        }
    return out


def score_in_memory(hypotheses: Path, ref: Path | None, options: ScoreOptions) -> tuple[Score, Receipt]:
    """The score of a hypotheses file, and the receipt of a folder with it. Raises as `score_file` does."""
    recognised = read_gloss_file(hypotheses)
    references = _references(hypotheses, recognised, ref)
    if options.profile != AUTO:
        profile(options.profile)  # an unknown profile is not an error in the file
    with naming(str(hypotheses)):  # it may be one of several files
        result = score_read(recognised, references, options)
    how = options.resampling
    resampling = {"level": how.level, "samples": how.samples, "cluster": how.cluster}
    receipt = Receipt(
        "score",
        {"profile": result.profile, "partial": options.partial, "nfc": options.nfc, **resampling},
        {"hypotheses": recognised.digest, "ref": references.digest},
        seed=how.seed,
        sources={"hypotheses": str(hypotheses.resolve()), "ref": str(references.source.resolve())},
    )
    return result, receipt


def score_read(recognised: GlossFile, references: References, options: ScoreOptions) -> Score:
    """Score the content of a file with all that is known of both sides, also the corpus of profile `auto`."""
    if options.profile == AUTO:
        options = replace(options, profile=references.profile or recognised.header.profile or "none")
        log.info("normalisation profile %s", options.profile, extra=ONCE)
    return score(
        recognised.best,
        references.glosses,
        options,
        absent_as_empty=recognised.omits_empty_clips,
        signers=references.signers,
        recordings=references.recordings,
        nbest=recognised.nbest,
        tuned_on=recognised.header.tuned_on,
        no_gain_on=recognised.header.no_gain_on,
    )


def read_references(path: Path, ids: Collection[str]) -> References:
    """References from a file, or from the split of a store that has most of the clips.

    Raises:
        SlaError: no such file or store.
        FormatError: it is damaged.
    """
    if not names_store(path):
        file = read_gloss_file(path)
        return References(file.references, file.signers, source=path, digest=file.digest)
    from sla_cli.store.store import Store  # imports HDF5 and OpenCV, which are not needed for files

    store = Store(path)
    splits = [store[name] for name in store.splits or (store.default_split,)]  # refused if it has none
    return _of_split(max(splits, key=lambda split: len(set(ids) & set(split.ids))))


def _references(hypotheses: Path, recognised: GlossFile, ref: Path | None) -> References:
    made = read_receipt(hypotheses)
    if made is not None and made.stage == "decode" and (ref is None or names_store(ref)):
        return _of_split(_decoded_split(hypotheses, made.sources, ref))
    if ref is None:
        raise SlaError(
            f"no references: {hypotheses} does not record which store its hypotheses come from",
            "Give --ref FILE or --ref STORE.",
        )
    return read_references(ref, recognised.nbest)


def _of_split(split: Split) -> References:
    signers = dict(zip(split.ids, split.signers, strict=True))
    recordings = {name: split_origin(source)[0] for name, source in zip(split.ids, split.sources, strict=True)}
    return References(split.references(), signers, recordings, split.store, split.digest, split.profile)


def _decoded_split(hypotheses: Path, sources: Mapping[str, str], ref: Path | None) -> Split:
    """The split that was decoded, of the store in the receipt or of `ref`."""
    from sla_cli.store.store import Store
    from sla_cli.work.references import recorded_split

    if not {"split", "store", "division"} <= sources.keys():
        raise FormatError(f"the receipt of {hypotheses} names no store and split", "Decode again.")
    if ref is not None:
        return Store(ref)[sources["split"]]
    made_from = sources["division"], sources["split"], sources.get("split_digest")
    return recorded_split(hypotheses, Path(sources["store"]), *made_from, option="--ref")
