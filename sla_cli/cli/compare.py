"""sla compare"""

from pathlib import Path
from typing import Annotated

import typer

from sla_cli.cli.options import Force, Json, answer
from sla_cli.cli.score import ClusterName, Level, Nfc, Normalize, Samples, Seed, between, flattered, table
from sla_cli.core.comparison import Comparison, p_value, verdict

CHANGED = 10  # glosses shown


def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="Hypotheses or score folder of one system.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Those of the other, of the same clips.")],
    ref: Annotated[Path | None, typer.Option(help="References of hypotheses files, as for `sla score`.")] = None,
    normalize: Normalize = "auto",
    nfc: Nfc = False,
    level: Level = 95.0,
    samples: Samples = 1000,
    seed: Seed = 0,
    cluster: ClusterName = "sentence",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write each clip's errors and both hypotheses into this TSV.")
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Compare two systems on the same references: which is better, by how much, and whether by chance."""
    from sla_cli.core.bootstrap import Resampling
    from sla_cli.formats.output import check_output, is_table
    from sla_cli.formats.scores import DIFFERENCES, comparison_facts, write_differences
    from sla_cli.score.compare import compare_files
    from sla_cli.score.score import ScoreOptions

    again = output is not None and is_table(output, DIFFERENCES)
    check_output(output, inputs=(first, second, ref), replace=force or again)
    options = ScoreOptions(normalize, nfc=nfc, resampling=Resampling(level, samples, seed, cluster))
    found = compare_files(first, second, ref=ref, options=options)
    if output is not None:
        write_differences(output, found.first, found.second)
    answer(_text(found), {**comparison_facts(found), "output": str(output) if output else None}, as_json)


def _text(found: Comparison) -> str:
    before, after = found.first.total, found.second.total
    relative = f", {100 * found.difference / before.wer:+.1f} % relative" if before.errors else ""
    lines = [
        f"A {found.names[0]}: WER {before.wer:.2f} %, {between(found.first.interval, found.cluster)}",
        f"B {found.names[1]}: WER {after.wer:.2f} %, {between(found.second.interval, found.cluster)}",
        f"B - A: {found.difference:+.2f} points, {between(found.interval, found.cluster)}{relative}",
    ]
    for mark, score in (("A", found.first), ("B", found.second)):
        if score.tuned_on:
            lines.append(f"{mark}: {flattered(score)}")
    if found.improvement is not None:
        lines.append(f"probability that B is better: {100 * found.improvement:.1f} %")
    repeats = ", too sure where clips depend on each other" if found.is_clustered else ""
    lines += [
        f"matched pairs: {p_value(found.test)} in {found.test.segments} segments{repeats}",
        f"clips: B better in {found.better}, worse in {found.worse}, equal in {found.equal}",
    ]
    if found.changes:
        rows = [(one.gloss, one.ref_words, one.gained, one.lost) for one in found.changes[:CHANGED]]
        title = "\nGlosses that B recognises where A does not, and the other way round"
        lines.append(table(title, ("gloss", "words", "gained", "lost"), rows) + "\n")
    return "\n".join([*lines, verdict(found)])
