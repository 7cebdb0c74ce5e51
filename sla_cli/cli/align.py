"""sla align"""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sla_cli.cli import options as shared
from sla_cli.cli.score import table
from sla_cli.core.counted import counted
from sla_cli.core.endings import is_video
from sla_cli.errors import SlaError, some
from sla_cli.log import log
from sla_cli.system.atomic import Check

if TYPE_CHECKING:
    from sla_cli.align.suspicious import Ranking

TOP = 20  # clips of --suspicious
UNSURE = 50.0  # percent WER of a run from which most of its differences from references are its own errors


def align(
    source: shared.Source = None,
    split: Annotated[
        shared.SplitName | None,
        typer.Option(help="Split of the store.", show_default="train, or that of the emissions"),
    ] = None,
    kind: Annotated[
        Literal["tsv", "ctm", "eaf"],
        typer.Option(
            "--format", help="A format other than TSV is written in addition. eaf: an ELAN file for each source video."
        ),
    ] = "tsv",
    suspicious: Annotated[
        bool,
        typer.Option(
            "--suspicious", help="Instead, rank clips and glosses by how wrong their annotation looks to the run."
        ),
    ] = False,
    top: Annotated[
        int | None,
        typer.Option(help="Number of clips that --suspicious prints, or has in eaf.", min=1, show_default=str(TOP)),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(help="Store of any corpus, by name or folder, with the references. Default: the run's own."),
    ] = None,
    weights: shared.BackboneWeights = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="File to write, for eaf a folder. Default: in the work folder; with --suspicious: no file.",
        ),
    ] = None,
    device: shared.Device = "auto",
    work: shared.Work = shared.WORK,
    force: shared.Force = False,
    as_json: shared.Json = False,
) -> None:
    """Find the position of each reference gloss in its clip, or with --suspicious annotations that look wrong.

    References are the store's training glosses. Missing or outdated emissions
    are computed first; aligning itself needs neither GPU nor torch. Clips and
    glosses that cannot be placed are named with the reason.
    """
    from sla_cli.align.suspicious_table import COLUMNS
    from sla_cli.emit.find_emissions import find_emissions
    from sla_cli.exchange.gloss_files import export_like
    from sla_cli.work.folder import Work as WorkFolder
    from sla_cli.work.kind import ALIGNMENT
    from sla_cli.work.like import table_like
    from sla_cli.work.output import check_output

    folder = WorkFolder(work)
    store = folder.store_if_given(store)
    if suspicious and kind == "ctm":
        raise SlaError("--suspicious writes a table or ELAN files, not CTM", "Leave out one of them.")
    if suspicious and kind == "eaf" and output is None:
        raise SlaError("--suspicious --format eaf needs a folder for the ELAN files", "Name one with -o.")
    if top is not None and not suspicious:
        raise SlaError("--top is for --suspicious", "Leave it out, or add --suspicious.")
    from_file = source is not None and source.is_file()
    inputs = (source, shared.weights_file(weights))
    kinds = table_like(COLUMNS) if suspicious else export_like("ctm") if kind == "ctm" else ALIGNMENT
    # An alignment was perhaps made before: `align_file` finds out.
    if kind == "eaf":
        _check_folder(output, replace=force)
        check = None
    else:
        check = check_output(output, kinds, inputs=inputs, replace=force or kinds == ALIGNMENT)
    emissions, _ = find_emissions(
        source, folder, split=split if from_file else split or "train", store=store, weights=weights, device=device
    )
    if suspicious:
        _rank(emissions, store, top or TOP, output, check, elan=kind == "eaf", force=force, as_json=as_json)
    else:
        _align(emissions, folder.alignments, store, kind, output, check, force=force, as_json=as_json)


def _align(
    emissions: Path,
    folder: Path,
    store: Path | None,
    kind: Literal["tsv", "ctm", "eaf"],
    output: Path | None,
    check: Check | None,
    *,
    force: bool,
    as_json: bool,
) -> None:
    from sla_cli.align.align_file import align_file, write_ctm
    from sla_cli.align.elan import write_elan
    from sla_cli.cli.results.recognition import Aligned
    from sla_cli.exchange.gloss_files import export_like
    from sla_cli.work.emissions import Emissions
    from sla_cli.work.output import check_output

    made = align_file(emissions, folder, store=store, out=output if kind == "tsv" else None, force=force)
    _warn(made.left_out, made.unknown)
    facts = Aligned(
        alignment=made.path,
        clips=len(made.clips),
        glosses=made.placed,
        left_out=made.left_out,
        unknown=made.unknown,
    )
    clips = counted(len(made.clips) - len(made.left_out), "clip")
    lines = f"alignment {made.path}: {clips}, {counted(made.placed, 'gloss')}"
    if kind == "ctm":
        path = output or made.path.with_suffix(".ctm")
        check = check if output else check_output(path, export_like("ctm"), replace=True)
        write_ctm(path, made.clips, check=check)
        facts.ctm = path
        lines += f"\nctm {path}"
    if kind == "eaf":
        path = output or made.path.with_suffix("")
        how = {"made by": "sla align", "run": Emissions(emissions).header.run, "references": str(made.split)}
        facts.eaf = write_elan(path, made.clips, made.split, how, replace=force or output is None)
        lines += f"\neaf {path}: {counted(len(facts.eaf), 'file')}"
    shared.answer(lines, facts, as_json)


def _check_folder(folder: Path | None, *, replace: bool) -> None:
    """Raise SlaError if ELAN files cannot be written into a folder: it is a file, an artifact, or not empty."""
    from sla_cli.work.output import check_folder

    if folder is None:
        return
    check_folder(folder)
    if folder.exists() and not folder.is_dir():
        raise SlaError(f"{folder} is a file", "Name a folder for the ELAN files.")
    if folder.is_dir() and any(folder.iterdir()) and not replace:
        raise SlaError(f"{folder} is not empty", "Use --force to replace files of the same names, or another folder.")


def _rank(
    emissions: Path,
    store: Path | None,
    top: int,
    output: Path | None,
    check: Check | None,
    *,
    elan: bool,
    force: bool,
    as_json: bool,
) -> None:
    from sla_cli.align.suspicious import rank
    from sla_cli.align.suspicious_elan import write_suspicious_elan
    from sla_cli.align.suspicious_table import SuspiciousClips, write_ranking
    from sla_cli.artifact.receipt import unchanged_digest
    from sla_cli.log import progress
    from sla_cli.work.emissions import Emissions
    from sla_cli.work.references import reference_split

    unchanged_digest(emissions)
    file = Emissions(emissions)
    split = reference_split(file, store)
    references = dict(zip(split.ids, split.glosses, strict=True))
    sources = dict(zip(split.ids, split.sources, strict=True))
    with progress(f"read {split.name}", len(file)) as advance:
        ranking = rank(file, file.header, references, advance, sources=sources)
    _warn(ranking.left_out, {})
    _check_run(ranking, emissions)
    facts = SuspiciousClips(
        emissions=emissions,
        clips=len(ranking.clips),
        differing=sum(bool(clip.places) for clip in ranking.clips),
        wer=ranking.wer,
        left_out=dict(ranking.left_out),
        suspicious=ranking.clips[:top],
        table=None if elan else output,
        eaf=(),
    )
    lines = table("", ("clip", "video", "score", "seconds", "annotated", "read"), _lines(ranking, top))
    if facts.table is not None:
        write_ranking(facts.table, ranking, check=check)
        lines += f"\ntable {output}: {counted(len(ranking.clips), 'clip')}"
    if output is not None and elan:
        facts.eaf = tuple(write_suspicious_elan(output, ranking.clips[:top], file, split, replace=force))
        lines += f"\neaf {output}: {counted(len(facts.eaf), 'file')}"
    shared.answer(lines, facts, as_json)


def _check_run(ranking: "Ranking", emissions: Path) -> None:
    """Raise SlaError, or warn, if differences are errors of the run rather than of the annotation."""
    if ranking.clips and not any(clip.hypothesis for clip in ranking.clips):
        reason = f"the run of {emissions} recognises no gloss in {counted(len(ranking.clips), 'clip')}"
        raise SlaError(f"{reason}, so it can doubt no annotation", "Train longer, or name another run.")
    if ranking.wer > UNSURE:
        message = "the run recognises these clips with %.0f %% WER: most differences are its own errors"
        log.warning(message, ranking.wer)


def _lines(ranking: "Ranking", top: int) -> Iterator[tuple[object, ...]]:
    """A row for each place of the first clips; the clip is named in the first of its rows."""
    for clip in ranking.clips[:top]:
        for number, place in enumerate(clip.places):
            times = "-".join(f"{time:.2f}" for time in place.seconds or ()) or "unknown"
            yield (
                "" if number else clip.id,
                "" if number or not is_video(clip.recording) else PurePosixPath(clip.recording).name,
                f"{place.score:.1f}",
                times,
                place.gloss or "(none)",
                place.read or "(none)",
            )


def _warn(left_out: Mapping[str, str], unknown: dict[str, int]) -> None:
    if left_out:
        reasons = some(f"{name}: {why}" for name, why in left_out.items())
        log.warning("%s left out: %s", counted(len(left_out), "clip is", "clips are"), reasons)
    if unknown:
        counts = some(f"{gloss} ({count})" for gloss, count in unknown.items())
        number = counted(sum(unknown.values()), "gloss")
        log.warning("no times for %s that the run does not know: %s", number, counts)
