"""Word error rate from Python: of files, or of glosses in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from sla_cli.core.arguments import as_flag, as_path, as_text, as_texts
from sla_cli.core.hypothesis import NO_GLOSS, Glosses, Hypothesis
from sla_cli.core.result import Score
from sla_cli.errors import SlaError, file_errors
from sla_cli.exchange.gloss_files import NOT_READ_BACK, GlossFile, read_gloss_file
from sla_cli.score.score import ScoreOptions
from sla_cli.score.score_file import AUTO, References, read_references, score_in_memory, score_read
from sla_cli.work.hypotheses import Header

GlossesById: TypeAlias = Mapping[str, str | Sequence[str]]


@file_errors()
def wer(
    hypotheses: Path | str | GlossesById,
    references: Path | str | GlossesById | None = None,
    *,
    normalize: str = AUTO,
    nfc: bool = False,
    partial: bool = False,
) -> Score:
    """Score hypotheses as `sla score` does: `result.total.wer` in percent, `result.interval`, `result.clips`.

    Args:
        hypotheses: a file of any format that `sla score` reads, or glosses by clip id, as text or as a list.
        references: the same, or the path of a store; None for a file of `sla decode`, which records its store.
        normalize: a profile of `sla score --normalize`; `auto` is that of the corpus if it is known, else none.
        nfc, partial: as for `sla score`.

    Raises:
        SlaError: as `sla score`: ids that do not match, an unknown profile, no references.
    """
    options = ScoreOptions(as_text(normalize, "normalize"), as_flag(partial, "partial"), as_flag(nfc, "nfc"))
    if not isinstance(hypotheses, Mapping) and not isinstance(references, Mapping):
        ref = None if references is None else as_path(references, "references")
        return score_in_memory(as_path(hypotheses, "hypotheses"), ref, options)[0]
    if references is None:
        raise SlaError("no references are given", "Give them by clip id, or as a file or a store.")
    if isinstance(hypotheses, Mapping):
        ranked = {id: [Hypothesis(id, glosses)] for id, glosses in _glosses(hypotheses, "hypotheses").items()}
        recognised = GlossFile("", ranked, {}, Header())
    else:
        recognised = read_gloss_file(as_path(hypotheses, "hypotheses"))
    if isinstance(references, Mapping):
        known = References(_glosses(references, "references"))
    else:
        known = read_references(as_path(references, "references"), recognised.nbest)
    return score_read(recognised, known, options)


def _glosses(given: GlossesById, name: str) -> Mapping[str, Glosses]:
    ids = as_texts(list(given), f"the list of ids of {name}")
    if bad := [id for id in ids if NOT_READ_BACK.search(id)]:
        raise SlaError(f"{name} holds the id {bad[0]!r}, which no file can have", "Give ids with letters or digits.")
    return {id: _words(given[id], f"{name}[{id!r}]") for id in ids}


def _words(glosses: str | Sequence[str], name: str) -> Glosses:
    words = tuple(glosses.split()) if isinstance(glosses, str) else as_texts(glosses, name)
    if bad := [word for word in words if NO_GLOSS.search(word)]:
        hint = "Give words without white space and control characters."
        raise SlaError(f"{name} holds {bad[0]!r}, which is not one word", hint)
    return words
