"""sla compare"""

from pathlib import Path
from typing import Annotated

import typer

from sla_cli.cli.options import WORK, Json, SplitName, Work, answer
from sla_cli.cli.score import ClusterName, Level, Nfc, Normalize, Samples, Seed, between, table
from sla_cli.core.comparison import Comparison, p_value, verdict
from sla_cli.core.counted import counted
from sla_cli.core.seed_groups import GroupComparison, SeedGroup, group_verdict
from sla_cli.errors import SlaError

CHANGED = 10  # glosses shown


def compare(
    first: Annotated[
        str, typer.Argument(metavar="A", help="Hypotheses, score folder or run; several seeds separated by commas.")
    ],
    second: Annotated[str, typer.Argument(metavar="B", help="The second system, with hypotheses for the same clips.")],
    ref: Annotated[Path | None, typer.Option(help="References of hypotheses files, as for `sla score`.")] = None,
    split: Annotated[SplitName | None, typer.Option(help="Which hypotheses of a run, if it has several.")] = None,
    search: Annotated[
        str | None,
        typer.Option(help="Which hypotheses of a run, by the search in the file name: greedy, beam10, beam10-lm."),
    ] = None,
    normalize: Normalize = "auto",
    nfc: Nfc = False,
    level: Level = 95.0,
    samples: Samples = 1000,
    seed: Seed = 0,
    cluster: ClusterName = "sentence",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write each clip's errors and both hypotheses into this TSV.")
    ] = None,
    work: Work = WORK,
    as_json: Json = False,
) -> None:
    """Compare two systems on the same references: which is better, by how much, and whether by chance.

    A and B are files or score folders, or runs whose hypotheses are in the work
    folder. Several for one side, such as a-0,a-1,a-2, or the name of a run with
    several seeds, are a group: means are compared, and both seeds and clips are
    resampled.
    """
    from msgspec.structs import asdict

    from sla_cli.cli.results.evaluation import Compared
    from sla_cli.core.bootstrap import Resampling
    from sla_cli.score.compare import compare_files, compare_members
    from sla_cli.score.members import check_choice, members
    from sla_cli.score.score import ScoreOptions
    from sla_cli.work.comparison_figures import comparison_figures, group_comparison_figures
    from sla_cli.work.folder import Work as WorkFolder
    from sla_cli.work.like import table_like
    from sla_cli.work.output import check_output
    from sla_cli.work.scores import DIFFERENCES, write_differences

    folder = WorkFolder(work)
    ref = folder.store_if_given(ref)
    check_choice((first, second), folder, split, search)
    sides = [members(text, folder, split=split, search=search) for text in (first, second)]
    options = ScoreOptions(normalize, nfc=nfc, resampling=Resampling(level, samples, seed, cluster))
    if max(map(len, sides)) > 1:
        if output is not None:
            raise SlaError(
                "-o writes both hypotheses of each clip, and a group has several", "Name one run of each with -o."
            )
        groups = compare_members(sides[0], sides[1], (first, second), ref=ref, options=options)
        answer(_group_text(groups), group_comparison_figures(groups), as_json)
        return
    pair = sides[0][0], sides[1][0]
    inputs = (pair[0].path, pair[1].path, ref)
    check = check_output(output, table_like(DIFFERENCES), inputs=inputs, replace=True)
    found = compare_files(*pair, ref=ref, options=options)
    if output is not None:
        write_differences(output, found.first, found.second, check=check)
    answer(_text(found), Compared(**asdict(comparison_figures(found)), output=output), as_json)


def _text(found: Comparison) -> str:
    before, after = found.first.total, found.second.total
    relative = f", {100 * found.difference / before.wer:+.1f} % relative" if before.errors else ""
    lines = [
        f"A {found.names[0]}: WER {before.wer:.2f} %, {between(found.first.interval, found.cluster)}",
        f"B {found.names[1]}: WER {after.wer:.2f} %, {between(found.second.interval, found.cluster)}",
        f"B - A: {found.difference:+.2f} points, {between(found.interval, found.cluster)}{relative}",
    ]
    for mark, score in (("A", found.first), ("B", found.second)):
        if score.remark:
            lines.append(f"{mark}: {score.remark}")
    if found.improvement is not None:
        lines.append(f"probability that B is better: {100 * found.improvement:.1f} %")
    repeats = ", too confident if clips depend on each other" if found.is_clustered else ""
    lines += [
        f"matched pairs: {p_value(found.test)} in {counted(found.test.segments, 'segment')}{repeats}",
        f"clips: B better in {found.better}, worse in {found.worse}, equal in {found.equal}",
    ]
    if found.changes:
        rows = [(one.gloss, one.ref_words, one.gained, one.lost) for one in found.changes[:CHANGED]]
        title = "\nGlosses that only one of A and B recognises"
        lines.append(table(title, ("gloss", "words", "gained", "lost"), rows) + "\n")
    return "\n".join([*lines, verdict(found)])


def _group_text(found: GroupComparison) -> str:
    lines = [_group_line("A", found.first, found), _group_line("B", found.second, found)]
    lines.append(f"B - A: {found.difference:+.2f} points, {between(found.interval, found.cluster)}")
    if found.improvement is not None:
        lines.append(f"probability that B is better: {100 * found.improvement:.1f} %")
    for mark, group in (("A", found.first), ("B", found.second)):
        lines += [f"{mark}: {remark}" for remark in {score.remark: None for score in group.scores if score.remark}]
    if found.paired:
        runs = zip(found.first.members, found.second.members, found.first.rates, found.second.rates, strict=True)
        rows = [(a, b, f"{first:.2f}", f"{second:.2f}", f"{second - first:+.2f}") for a, b, first, second in runs]
        lines.append(table("\nPairs of runs", ("A", "B", "WER A", "WER B", "B - A"), rows) + "\n")
    else:
        listed = [
            (name, mark, f"{wer:.2f}")
            for mark, group in (("A", found.first), ("B", found.second))
            for name, wer in zip(group.members, group.rates, strict=True)
        ]
        lines.append(table("\nRuns, not paired by seed", ("run", "group", "WER"), listed) + "\n")
    return "\n".join([*lines, group_verdict(found)])


def _group_line(mark: str, group: SeedGroup, found: GroupComparison) -> str:
    """`A frozen-1: mean WER 31.20 % of 3 runs, 95 % interval 28.01 to 34.30, spread 1.20 (30.10 to 32.50)`."""
    if group.spread is None:
        return f"{mark} {group.name}: WER {group.mean:.2f} % of 1 run, {between(group.interval, found.cluster)}"
    return (
        f"{mark} {group.name}: mean WER {group.mean:.2f} % of {len(group.scores)} runs, "
        f"{between(group.interval, found.cluster)}, spread between seeds {group.spread:.2f} "
        f"({min(group.rates):.2f} to {max(group.rates):.2f})"
    )
