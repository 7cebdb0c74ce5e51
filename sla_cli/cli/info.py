"""sla info"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sla_cli.cli.options import WORK, Force, Json, SplitName, Work, answer
from sla_cli.errors import SlaError, some

if TYPE_CHECKING:
    from sla_cli.artifact.receipt import Receipt
    from sla_cli.work.describe import Description

CLIPS = 8  # clips of a sheet


def info(
    path: Annotated[
        Path,
        typer.Argument(
            help="File or folder: what another command wrote, or a language model. Runs and stores also by name."
        ),
    ],
    sheet: Annotated[Path | None, typer.Option(help="Draw clips of a store with their glosses into a PNG.")] = None,
    split: Annotated[
        SplitName | None,
        typer.Option(help="Split for --sheet. Default: dev, or the first; with --clip or --signer all."),
    ] = None,
    clips: Annotated[
        int | None, typer.Option(help="Number of clips in --sheet, chosen at random.", min=1, show_default=str(CLIPS))
    ] = None,
    ids: Annotated[
        list[str] | None,
        typer.Option("--clip", help="Id of a clip for --sheet, instead of random clips; can be repeated."),
    ] = None,
    signer: Annotated[
        str | None, typer.Option(help="Only clips of this person in --sheet: all of the store, or of --split.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Random seed for choosing the clips.", min=0, show_default="0")
    ] = None,
    work: Work = WORK,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Describe a file or folder: its format, its content in a few figures, and how and when it was made.

    It can be a store, a run, a model, emissions, hypotheses, an alignment, a tuning, a score,
    a language model (ARPA, KenLM), an annotation file or a receipt.
    """
    given = {"--split": split, "--clips": clips, "--clip": ids or None, "--signer": signer, "--seed": seed}
    given |= {"--force": force or None}
    if idle := [name for name, value in given.items() if value is not None and sheet is None]:
        raise SlaError(f"{idle[0]} has no effect without --sheet", "Name a PNG with --sheet.")
    if ids and any(value is not None for value in (clips, signer, seed)):
        raise SlaError("--clip names the clips, so --clips, --signer and --seed have no effect", "Leave one out.")
    if signer is not None and seed is not None and clips is None:
        raise SlaError("--seed has no effect: with --signer, all clips are drawn", "Give --clips too, or leave it out.")
    from msgspec import UNSET

    from sla_cli.annotation.describe import describe_annotation
    from sla_cli.cli.results.artifacts import Described, Sheet
    from sla_cli.lm.kenlm_model import describe_lm
    from sla_cli.store.paths import clips_files, known_division, split_name
    from sla_cli.work.describe import describe
    from sla_cli.work.folder import Work as WorkFolder

    in_work = WorkFolder(work)
    is_run = (in_work.runs / path / "run.toml").is_file()
    path = in_work.run_given(path if is_run else in_work.store_given(path))  # a store's name does not mean its seeds
    folder, division = split_name(path)
    place = path
    if division and clips_files(folder):
        place = folder  # only --sheet shows one division alone
        known_division(folder, division)
    found = describe_lm(place) or describe_annotation(place) or describe(place)
    lines, drawn = list(_lines(found)), None
    if sheet is not None:
        from sla_cli.report.contact_sheet import PICTURE, write_sheet
        from sla_cli.work.output import check_output

        if found.kind != "store":
            raise SlaError(f"{path} is not a store but {found.kind}, which holds no frames", "Give --sheet a store.")
        check = check_output(sheet, PICTURE, replace=force)
        count = clips or (CLIPS if signer is None else None)
        width, height = write_sheet(
            sheet, path, split=split, ids=ids or (), signer=signer, count=count, seed=seed or 0, check=check
        )
        drawn = Sheet(path=sheet, width=width, height=height)
        lines += ["", f"sheet {sheet}: {width}x{height} pixels"]
    answer("\n".join(lines), Described(**vars(found), sheet=drawn or UNSET), as_json)


def _lines(found: "Description") -> Iterator[str]:
    whole = {True: ", complete", False: ", NOT complete", None: ""}[found.complete]
    kind = f"{found.kind} ({found.format})" if found.format else found.kind
    yield f"{found.path}: {kind}{whole}"
    yield from _facts(found.facts)
    if found.receipt is not None:
        yield ""
        yield from _made(found.receipt)


def _made(receipt: "Receipt") -> Iterator[str]:
    """The content of the receipt."""
    begun = receipt.started.replace("T", " ")[:16]
    yield f"made by {receipt.command} on {begun} UTC in {receipt.seconds:.1f} s"
    environment = receipt.environment
    shown = {
        "arguments": receipt.arguments,
        "inputs": receipt.inputs,
        "seed": receipt.seed,
        "sources": receipt.sources,
        "results": {key: _brief(value) for key, value in receipt.results.items()},
        "with": ", ".join(f"{name} {version}" for name, version in environment.items() if version != "missing"),
        "fingerprint": receipt.fingerprint,
    }
    yield from _facts({key: value for key, value in shown.items() if value not in ({}, None)})


def _brief(value: Any) -> Any:
    """Lists of clips as their number and the first clips; the receipt has all."""
    if isinstance(value, dict) and value and all(isinstance(one, str) for one in value.values()):
        return f"{len(value)}: {some(value, 3)}"
    return value


def _facts(facts: dict[str, Any]) -> Iterator[str]:
    """A line per known fact, names at the left; a fact with parts is written on one line."""
    known = {key: value for key, value in facts.items() if value != ""}
    width = max(map(len, known), default=0)
    for key, value in known.items():
        parts = value.items() if isinstance(value, dict) else ()
        if any(isinstance(part, dict) for _, part in parts):
            yield f"  {key}"
            yield from (f"  {line}" for line in _facts(value))
        else:
            yield f"  {key.replace('_', ' '):{width}}  {_text(value)}"


def _text(value: Any) -> str:
    if isinstance(value, dict):
        parts = (f"{key.replace('_', ' ')} {_text(part)}" for key, part in value.items() if part != "")
        return ", ".join(parts) or "none"
    if isinstance(value, list):
        return some(map(_text, value), 8) or "none"
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "unknown"}[value]
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)
