"""Writes the glosses of a score as files for NIST's sclite, to compare the counts of both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sla_cli.core.counted import counted
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.core.result import Score
from sla_cli.errors import SlaError, some
from sla_cli.exchange.gloss_files import export_like, export_text
from sla_cli.log import log
from sla_cli.system.atomic import write_text
from sla_cli.work.output import check_output

PER_SECOND = 100.0  # glosses; their true times are not known, and sclite only needs their order


def write_for_sclite(folder: Path, name: str, score: Score) -> list[Path]:
    """Write normalised references and hypotheses, as STM and CTM and both as TRN, clips sorted by id.

    A CTM cannot hold a clip in which nothing was recognised, and sclite stops there: the TRN files can.

    Returns:
        The files NAME.stm, NAME.ctm, NAME.ref.trn and NAME.hyp.trn.

    Raises:
        SlaError: an id or a gloss that one of the formats cannot hold, or something else has the name of a file.
    """
    clips = sorted(score.clips, key=lambda clip: clip.id)
    references = [_timed(clip.id, clip.reference) for clip in clips]
    hypotheses = [_timed(clip.id, clip.hypothesis) for clip in clips]
    if silent := [clip.id for clip in clips if not clip.hypothesis]:
        number = counted(len(silent), "clip has", "clips have")
        log.warning("%s no line in the CTM (%s): use the TRN files with sclite", number, some(silent))
    contents = {"stm": references, "ctm": hypotheses, "ref.trn": references, "hyp.trn": hypotheses}
    files = {folder / f"{name}.{suffix}": nbest for suffix, nbest in contents.items()}
    try:
        texts = {path: export_text(_kind(path), nbest) for path, nbest in files.items()}
    except SlaError as error:
        raise SlaError(error.message, "sclite cannot read it: change that, or leave --sclite out.") from error
    checks = {path: check_output(path, export_like(_kind(path)), replace=True) for path in files}
    for path, text in texts.items():
        write_text(path, text, check=checks[path], keep=True)
    return list(files)


def _kind(path: Path) -> str:
    return path.suffix.removeprefix(".")


def _timed(clip: str, glosses: Sequence[str]) -> list[Hypothesis]:
    spans = tuple((time, time + 1) for time in range(len(glosses)))
    return [Hypothesis(clip, tuple(glosses), spans=spans, fps=PER_SECOND)]
