"""`sla split`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from sla_cli.cli.options import WORK, Force, Json, Work, answer, numbers
from sla_cli.config.bounds import LARGE
from sla_cli.config.settings import DivisionConfig
from sla_cli.errors import SlaError

SHARES = "80,10,10"  # an example


def split(
    store: Annotated[Path | None, typer.Argument(help="Store, by name or folder. Default: the only store.")] = None,
    by: Annotated[
        Literal["signer", "sentence", "random"] | None,
        typer.Option(help="Draw splits that share no signer or no sentence; or draw single clips."),
    ] = None,
    shares: Annotated[
        str | None,
        typer.Option(help="Shares of the clips for train, dev and test.", show_default="80,10,10"),
    ] = None,
    fold: Annotated[
        str | None,
        typer.Option(help="K/N: of N equal parts, part K is test, the next one is dev, the others are train."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed for drawing.", min=0, show_default="0")] = None,
    table: Annotated[
        Path | None, typer.Option("--from", help="Take this table, with the columns clip and split, separated by tabs.")
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="Name of the division.", show_default="from --by, --shares, --fold and --seed, or the table"),
    ] = None,
    work: Work = WORK,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Divide the clips of a store into train, dev and test: draw a division, or take a table.

    A division is a table in the store's folder; `sla train STORE:DIVISION` uses it.
    If clips were added to the store, the same command continues the division:
    known signers (or sentences) stay in their splits, only new ones are drawn.
    """
    from sla_cli.prep.draw_division import fold_and_shares
    from sla_cli.prep.make_division import split_store
    from sla_cli.work.folder import Work as WorkFolder

    parts = None if shares is None else numbers("--shares", shares, float, SHARES)
    if parts is not None and not 0 <= min(parts) <= max(parts) <= LARGE:
        raise SlaError(f"--shares {shares}: a share is not from 0 to {LARGE:,.0f}", f"Write it like --shares {SHARES}.")
    drawn = {"by": by, "shares": parts, "fold": fold, "seed": seed}
    given = {key: value for key, value in drawn.items() if value is not None}
    if (table is None) == (by is None) or (table is not None and given):
        raise SlaError(
            "a division is drawn with --by, or taken with --from",
            "Give one of them. --shares, --fold and --seed belong to --by.",
        )
    if shares is not None and fold is not None:
        raise fold_and_shares()
    draws = None if table is not None else DivisionConfig.checked(**given)
    found = split_store(WorkFolder(work).store_given(store), draws=draws, table=table, name=name or "", force=force)
    lines = [f"division {found.store}"]
    for part, clips in found.clips.items():
        signers = f", signers: {len(found.signers[part])}" if found.signers[part] else ""
        lines.append(f"  {part} {clips:,}{signers}")
    lines += [f"  in no split: {found.unlisted:,}"] if found.unlisted else []
    lines += [f"  {sentence}" for sentence in found.shared]
    answer("\n".join(lines), found, as_json)
