"""A hypotheses file against its references into a score folder, with its receipt."""

from __future__ import annotations

from pathlib import Path

from sla_cli.core.normalize import profile, profile_for_corpus
from sla_cli.core.result import Score
from sla_cli.errors import SlaError
from sla_cli.formats.receipt import Receipt, digest_file, read_receipt, write_receipt
from sla_cli.formats.scores import write_scores
from sla_cli.formats.store import Split, Store
from sla_cli.log import log
from sla_cli.score.interchange import omits_empty_clips, read_any_hypotheses, read_references
from sla_cli.score.score import score


def score_file(
    hypotheses: Path, folder: Path, *, ref: Path | None = None, normalize: str = "auto", partial: bool = False
) -> tuple[Path, Score]:
    """Score a hypotheses file of any format.

    Args:
        folder: where the score folder goes under a name made of hypotheses and profile.
        ref: STM or table file, or a store; without it, the store that our own hypotheses came from.
        normalize: a profile, or auto: the profile of the corpus where that is known, else none.
        partial: score what both sides name instead of refusing.

    Returns:
        The score folder and the score.

    Raises:
        SlaError: ids do not match (listed), an unknown profile, or no references given.
    """
    answers = read_any_hypotheses(hypotheses)
    made = read_receipt(hypotheses)
    split = _split_of(ref, {answer.id for answer in answers}, made)
    if split is not None:
        references, source, digest = split.references(), split.path, split.digest
    else:
        assert ref is not None
        references, source, digest = read_references(ref), ref, digest_file(ref)
    if normalize == "auto":
        normalize = profile_for_corpus(_corpus(split, made))
        log.info("normalisation profile %s", normalize)
    profile(normalize)
    receipt = Receipt(
        "score",
        {"profile": normalize, "partial": partial},
        {"hypotheses": digest_file(hypotheses), "ref": digest},
        sources={"hypotheses": str(hypotheses.resolve()), "ref": str(source.resolve())},
    )
    result = score(answers, references, normalize, partial, absent_as_empty=omits_empty_clips(hypotheses))
    out = folder / f"{hypotheses.stem}-{normalize}-{receipt.fingerprint[:6]}"
    write_scores(out, result)
    receipt.results = {"wer": result.total.wer, "utterances": len(result.clips)}
    write_receipt(receipt, out)
    return out, result


def _split_of(ref: Path | None, ids: set[str], made: Receipt | None) -> Split | None:
    """The split that holds the references, or None where `ref` is a file."""
    if ref is not None and not ref.is_dir():
        return None
    if ref is None:
        if made is None or made.stage != "decode":
            raise SlaError(
                "no references: these hypotheses do not say where they came from", "Give --ref FILE or --ref STORE."
            )
        return Store(Path(made.sources["store"]))[made.sources["split"]]
    store = Store(ref)
    if made is not None and made.stage == "decode":
        return store[made.sources["split"]]
    return max((store[name] for name in store.splits), key=lambda split: len(ids.intersection(split.ids)))


def _corpus(split: Split | None, made: Receipt | None) -> str:
    if split is not None:
        return split.corpus
    return made.sources["corpus"] if made is not None and made.stage == "decode" else ""
