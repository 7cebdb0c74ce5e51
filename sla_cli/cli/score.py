"""sla score"""

import io
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from sla_cli.cli.options import WORK, Json, Work, answer
from sla_cli.config.settings import ProfileName
from sla_cli.core.breakdown import Breakdown, ClipGroup
from sla_cli.core.counted import counted
from sla_cli.core.edit_alignment import Counts
from sla_cli.core.result import Cluster, Interval, Score
from sla_cli.log import log

ABOVE_LIMIT = 3  # exit code of --max-wer
WORST = 15  # glosses and confusions of --details

Normalize = Annotated[
    Literal["auto", ProfileName],
    typer.Option(help="How glosses are cleaned before they are compared; auto: the corpus's profile, otherwise none."),
]
Nfc = Annotated[
    bool, typer.Option("--nfc", help="Compare glosses in Unicode normal form C: ü is ü, however it is encoded.")
]
Level = Annotated[float, typer.Option("--ci", help="Confidence of the interval in percent.")]
Samples = Annotated[int, typer.Option(help="Bootstrap samples of the interval.")]
ClusterName = Annotated[
    Cluster,
    typer.Option("--cluster", help="The bootstrap draws all clips of a sentence, signer or recording together."),
]
Seed = Annotated[int, typer.Option(help="Random seed for the bootstrap.")]


def score(
    hypotheses: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Hypotheses, one or more files: of `sla decode`, CTM, TRN, CSV id,gloss, …. Default: the newest."
        ),
    ] = None,
    ref: Annotated[
        Path | None,
        typer.Option(
            help="References: STM, TRN, a table with id and gloss, or a store. Default: the store of the hypotheses."
        ),
    ] = None,
    normalize: Normalize = "auto",
    partial: Annotated[bool, typer.Option("--partial", help="Score only the clips that both sides name.")] = False,
    nfc: Nfc = False,
    level: Level = 95.0,
    samples: Samples = 1000,
    seed: Seed = 0,
    cluster: ClusterName = "sentence",
    max_wer: Annotated[float | None, typer.Option(help="Exit with 3 if a WER (percent) is above this.", min=0)] = None,
    details: Annotated[
        bool, typer.Option("--details", help="Also print signers, lengths and worst glosses; not with --json.")
    ] = False,
    sclite: Annotated[
        Path | None, typer.Option(help="Also write the scored glosses into this folder, as input for NIST's sclite.")
    ] = None,
    work: Work = WORK,
    as_json: Json = False,
) -> None:
    """Compute the word error rate as the field's official scripts count it, with its confidence interval.

    The score folder holds tables of clips, signers, lengths, glosses and
    confusions, and the alignments.
    """
    from msgspec.structs import asdict

    from sla_cli.cli.results.evaluation import FileScore, Scored, ScoredFiles
    from sla_cli.core.bootstrap import Resampling
    from sla_cli.exchange.gloss_files import check_is_file
    from sla_cli.score.sclite_export import write_for_sclite
    from sla_cli.score.score import ScoreOptions
    from sla_cli.score.score_file import score_file
    from sla_cli.system.garbage_collection import without_garbage_collection
    from sla_cli.work.figures import figures_of
    from sla_cli.work.folder import Work as WorkFolder
    from sla_cli.work.output import check_folder

    folder = WorkFolder(work)
    options = ScoreOptions(normalize, partial, nfc, Resampling(level, samples, seed, cluster))
    ref = folder.store_if_given(ref)
    sources = hypotheses or [folder.newest_hypotheses()]
    for source in sources:  # all of them before the scores of the first are written
        check_is_file(source)
    for place in filter(None, (folder.scores, sclite)):
        check_folder(place)
    with without_garbage_collection():
        scored = [(source, *score_file(source, folder.scores, ref=ref, options=options)) for source in sources]
        if sclite is not None:
            for _, out, result in scored:
                log.info("for sclite: %s", ", ".join(map(str, write_for_sclite(sclite, out.name, result))))
        files = [
            FileScore(**asdict(figures_of(result)), hypotheses=source, scores=out) for source, out, result in scored
        ]
        texts = [_text(result, out, cluster, details) for _, out, result in scored]
        if len(scored) > 1:
            texts.append(_overview([(source, result) for source, _, result in scored]))
        above = [source for source, _, result in scored if max_wer is not None and result.total.wer > max_wer]
        del scored  # before Python's garbage collector visits the objects of all clips
    found = ScoredFiles(files=files) if len(files) > 1 else Scored(**asdict(files[0]), files=files)
    answer("\n\n".join(texts), found, as_json)
    if above:
        log.error("WER above --max-wer %g: %s", max_wer, ", ".join(map(str, above)))
        raise typer.Exit(ABOVE_LIMIT)


def between(interval: Interval | None, cluster: Cluster = "sentence") -> str:
    """`95 % interval 27.90 to 30.61`. `cluster`: what was drawn."""
    if interval is None:
        return f"no interval (one {cluster} only)"
    rough = f" (rough: only {interval.drawn})" if interval.is_rough else ""
    return f"{interval.level:g} % interval {interval.low:.2f} to {interval.high:.2f}{rough}"


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], left: Collection[str] = ()) -> str:
    """A table for the terminal: the first column and those in `left` are aligned left, the others, figures, right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False)
    for number, column in enumerate(columns):
        drawn.add_column(column, justify="right" if number and column not in left else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(str(cell)) for cell in row))
    # rich writes to it at the end of a capture; it is no terminal, whatever FORCE_COLOR and TTY_COMPATIBLE say
    console = Console(file=io.StringIO(), force_terminal=False)
    with console.capture() as captured:
        console.print(drawn)
    lines = [line.rstrip() for line in captured.get().rstrip("\n").split("\n")]
    return "\n".join([title, *lines] if title else lines)


def _text(result: Score, out: Path, cluster: Cluster, details: bool) -> str:
    total, clips, interval = result.total, len(result.clips), result.interval
    different = "different " if interval and interval.cluster == "sentence" else ""
    repeats = (
        f" with {counted(interval.units, different + interval.cluster)}" if interval and interval.units < clips else ""
    )
    lines = [
        f"WER {total.wer:.2f} %, {between(interval, cluster)}   {counted(total.errors, 'error')} in "
        f"{counted(total.ref_words, 'reference word')}, {counted(clips, 'clip')}{repeats}",
        f"{total.correct:,} correct, {counted(total.substitutions, 'substitution')}, "
        f"{counted(total.deletions, 'deletion')}, {counted(total.insertions, 'insertion')}",
    ]
    if result.oracle is not None:
        lines.append(
            f"oracle WER {result.oracle.wer:.2f} % of up to {counted(result.alternatives, 'hypothesis')} per clip"
        )
    if result.remark:
        lines.append(result.remark)
    if top := result.breakdown.confusions[:3]:
        pairs = (f"{one.reference} as {one.hypothesis} ({one.count})" for one in top)
        lines.append(f"most confused: {', '.join(pairs)}")
    lines += [result.signature, str(out)]
    return "\n".join(lines + (_details(result.breakdown) if details else []))


def _details(where: Breakdown) -> list[str]:
    glosses = [
        (one.gloss, one.ref_words, one.correct, one.substituted, one.deleted, one.mistaken, one.inserted)
        for one in where.glosses[:WORST]
    ]
    columns = ("gloss", "words", "correct", "sub", "del", "in place of others", "ins")
    confused = [(one.reference, one.hypothesis, one.count) for one in where.confusions[:WORST]]
    tables = [
        _groups("Signers", "signer", where.signers),
        _groups("Length of the reference", "glosses", where.lengths),
        table("Glosses with most errors", columns, glosses),
        table("Confusions", ("reference", "hypothesis", "times"), confused) if confused else "",
    ]
    return [f"\n{text}" for text in tables if text]


def _groups(title: str, name: str, groups: list[ClipGroup]) -> str:
    rows = [(one.name, one.clips, one.counts.ref_words, *_errors(one.counts), _wer(one.counts)) for one in groups]
    return table(title, (name, "clips", "words", "sub", "del", "ins", "WER"), rows) if rows else ""


def _overview(scored: list[tuple[Path, Score]]) -> str:
    rows = []
    for source, result in scored:
        ends = f"{result.interval.low:.2f} to {result.interval.high:.2f}" if result.interval else ""
        rows.append((source, _wer(result.total), ends, *_errors(result.total), len(result.clips)))
    return table("", ("hypotheses", "WER", "interval", "sub", "del", "ins", "clips"), rows)


def _errors(counts: Counts) -> tuple[int, int, int]:
    return counts.substitutions, counts.deletions, counts.insertions


def _wer(counts: Counts) -> str:
    return f"{counts.wer:.2f}" if counts.ref_words else ""
