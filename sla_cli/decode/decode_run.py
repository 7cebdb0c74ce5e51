"""`sla decode`: the search settled for the run, the hypotheses, and their copy in another format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import Struct

from sla_cli.core.counted import counted
from sla_cli.core.quantities import Count
from sla_cli.core.result import left_out
from sla_cli.decode.decode_file import decode_file, export_file
from sla_cli.errors import SlaError
from sla_cli.exchange.gloss_files import export_like
from sla_cli.lm.kenlm_model import open_lm
from sla_cli.search.beam_decoder import hot_columns
from sla_cli.search.options import flag, options_given, settle
from sla_cli.work.emissions import Emissions, emission_inputs, made_with
from sla_cli.work.folder import Work
from sla_cli.work.kind import HYPOTHESES
from sla_cli.work.model_folder import find_trained
from sla_cli.work.output import check_output
from sla_cli.work.run import Run
from sla_cli.work.tuning import tunings_of

TSV = "tsv"


@dataclass(frozen=True)
class Target:
    """What `sla decode` writes.

    Attributes:
        kind: format; one other than TSV is written in addition.
        out: file of this format; None is in the work folder.
        force: replace what exists.
    """

    kind: str = TSV
    out: Path | None = None
    force: bool = False


class Decoded(Struct, kw_only=True, frozen=True):
    """Hypotheses of a split.

    Attributes:
        hypotheses: path of the table of hypotheses
        split: the split
        clips: number of clips
        glosses: number of glosses in the best hypotheses
        tuned_on: split on which `sla tune` chose the weights that are used; `dev (other clips)` if it was another dev;
            empty if they are not tuned
        no_gain_on: if `sla tune` found no gain of the language model, so that it is left out: the split, as in
            `tuned_on`; else empty
        exported: by format, path of the file in this format; empty without `--format`
    """

    hypotheses: Path
    split: str
    clips: Count
    glosses: Count
    tuned_on: str
    no_gain_on: str
    exported: dict[str, Path]

    def text(self) -> str:
        """Lines for people."""
        lines = [f"hypotheses {self.hypotheses}: {counted(self.clips, 'clip')}, {counted(self.glosses, 'gloss')}"]
        if self.tuned_on:
            same = self.tuned_on == self.split
            lines.append(f"weights tuned on {'these same clips, so this WER is too low' if same else self.tuned_on}")
        if self.no_gain_on:
            lines.append(left_out(self.no_gain_on))
        return "\n".join([*lines, *(f"{kind} {path}" for kind, path in self.exported.items())])


def check_decoding(
    given: Mapping[str, Any], target: Target, source: Path, store: Path | None, weights: Path | None
) -> None:
    """Refuse what can be refused before emissions are computed, which takes minutes.

    Args:
        given: options of the search as the user gave them.
        source: the run or the emissions file.
        store: of the clips of a run; it has no effect on an emissions file.
        weights: file of the backbone's weights.

    Raises:
        SlaError: options of the search that have no effect or are out of bounds, a language model that cannot be
            read, a hot word that the run lacks, or a file that must not be written.
    """
    if source.is_file() and store is not None:
        raise SlaError(f"{source} is an emissions file, for which --store has no effect", "Leave it out.")
    options = options_given(given, flag)
    if options.lm is not None:
        open_lm(options.lm)
    check_hotwords(options.hotwords, source)
    own = target.kind == TSV
    kind = HYPOTHESES if own else export_like(target.kind)
    check_output(target.out, kind, inputs=(source, options.lm, weights), replace=target.force or own)


def check_hotwords(hotwords: Sequence[str], source: Path) -> None:
    """Raise SlaError for a hot word that a run lacks, before its emissions are computed."""
    if hotwords and (run := find_trained(source)).exists:  # else it is refused later, or holds emissions
        hot_columns(hotwords, run.glosses)


def decode_run(
    emissions: Path,
    run: Run | None,
    work: Work,
    given: Mapping[str, Any],
    target: Target,
    *,
    jobs: int = 1,
) -> Decoded:
    """Decode emissions with the options given, else tuned for the run, else the defaults.

    Args:
        run: the run that made the emissions, if it is known.
        given: options of the search, as for `options_given`.
        jobs: as for `decode_file`.

    Raises:
        SlaError: as `decode_file`, or the format cannot hold the hypotheses.
    """
    opened, digest = Emissions(emissions), emission_inputs(emissions).get("split", "")
    split, tunings = opened.header.split, tunings_of(emissions, run)
    settled = settle(given, tunings, made_with(opened), split=split, digest=digest, called=flag)
    path, hypotheses = decode_file(
        emissions,
        work.hypotheses,
        settled,
        out=target.out if target.kind == TSV else None,
        jobs=jobs,
        force=target.force,
    )
    work.note_hypotheses(path)
    exported = {}
    if target.kind != TSV:
        exported[target.kind] = export_file(path, target.kind, target.out, force=target.force)
    return Decoded(
        hypotheses=path,
        split=split,
        clips=len(hypotheses),
        glosses=sum(len(hypothesis.glosses) for hypothesis in hypotheses),
        tuned_on=settled.tuned_on,
        no_gain_on=settled.no_gain_on,
        exported=exported,
    )
