"""sla check"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from sla_cli.cli.options import WORK, Json, StoreArgument, Work, answer
from sla_cli.cli.score import table
from sla_cli.config.bounds import LAYERS
from sla_cli.errors import some

if TYPE_CHECKING:
    from sla_cli.prep.check import Report
    from sla_cli.prep.checks.figures import Histogram

PROBLEMS = 3  # exit code
BAR = 30  # characters of the longest bar of a histogram
EIGHTHS = " ▏▎▍▌▋▊▉"


def check(
    store: StoreArgument = None,
    stride: Annotated[int, typer.Option(help="Video frames per output step of the model to train.", min=1)] = 4,
    deep: Annotated[bool, typer.Option("--deep", help="Decode every frame and verify checksums.")] = False,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", help="Processes for --deep; 0 uses all usable cores.", min=0, max=LAYERS)
    ] = 0,
    work: Work = WORK,
    as_json: Json = False,
) -> None:
    """Check that a store is complete and usable, and that its splits do not overlap. Exits with 3 on problems.

    It looks at split sizes (against those published), ids, empty references,
    clips too short for CTC, sentences, signers and recordings that splits share,
    glosses that train lacks, lengths and frame rates. Without :DIVISION it checks
    the default one, and also what the splits of the others share.
    """
    from sla_cli.prep.check import check_store
    from sla_cli.work.folder import Work as WorkFolder

    found = check_store(WorkFolder(work).store_given(store), stride=stride, deep=deep, jobs=jobs)
    answer("\n".join(_lines(found)), found, as_json)
    if found.problems:
        raise typer.Exit(PROBLEMS)


def _lines(found: "Report") -> Iterator[str]:
    division = f", division {found.division}" if found.division else ", no division"
    yield f"{found.store}: {found.corpus}{division}, labels {found.labels}"
    yield from ("", _clips(found), "", _glosses(found))
    for what, lengths in (("frames", found.frames), ("glosses", found.glosses)):
        if any(map(sum, lengths.counts.values())):
            yield from ("", _histogram(what, lengths))
    for title, part in (("notes", found.notes), ("problems", found.problems)):
        if part:
            yield from ("", title)
        for one in part:
            yield f"  {one.split + ': ' if one.split else ''}{one.message}"
            yield from (f"    {line}" for line in (some(one.clips, 3), one.hint) if line)
    yield ""
    looked = "every frame decodes as it was written" if found.deep else "frames were not decoded (--deep)"
    damaged = any(one.about == "frames" for one in found.problems)
    yield f"problems: {len(found.problems)}, notes: {len(found.notes)}" + ("" if damaged else f"; {looked}")


def _clips(found: "Report") -> str:
    published = {name: f"{one.published:,}" for name, one in found.splits.items() if one.published is not None}
    rows = []
    for name, one in found.splits.items():
        hours = f"{one.hours:.2f}" if one.hours else ""
        known = [published.get(name, "")] if published else []
        numbers = (f"{one.signers or ''}", f"{one.frames:,}", hours, *_range(one.frame_range))
        rows.append((name, f"{one.clips:,}", *known, *numbers))
    columns = ("signers", "frames", "hours", "shortest", "median", "longest")
    return table("", ("split", "clips", *["published"] * bool(published), *columns), rows)


def _glosses(found: "Report") -> str:
    rows = []
    for name, one in found.splits.items():
        unknown = "" if one.unknown is None or name == "train" else f"{one.unknown:,}"
        counts = (f"{one.glosses:,}", f"{one.distinct:,}", f"{one.sentences:,}")
        rows.append((name, *counts, unknown, *_range(one.gloss_range)))
    columns = ("split", "glosses", "distinct", "sentences", "unknown", "fewest", "median", "most")
    return table("", columns, rows)


def _range(lengths: tuple[int, float, int]) -> tuple[str, ...]:
    return tuple(f"{length:,.1f}".removesuffix(".0") for length in lengths)


def _histogram(what: str, lengths: "Histogram") -> str:
    """One line per bin: how many clips of each split, and a bar for the first split."""
    main = next(iter(lengths.counts))
    spans = [f"{least}-{most}" if most > least else f"{least}" for least, most in lengths.bins]
    rows = zip(spans, *([f"{count:,}" for count in counts] for counts in lengths.counts.values()), strict=True)
    drawn = table("", (what, *lengths.counts), rows).split("\n")
    top = max(lengths.counts[main]) or 1
    bars = ["", *(_bar(count / top) for count in lengths.counts[main])]
    width = max(map(len, drawn))
    return "\n".join(f"{line:{width}}  {bar}".rstrip() for line, bar in zip(drawn, bars, strict=True))


def _bar(share: float) -> str:
    """A bar of block characters, exact to an eighth of a character."""
    eighths = round(8 * BAR * share)
    return "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()
