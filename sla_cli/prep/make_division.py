"""Makes a division of a store: draws it, continues it when clips were added, or takes it from a table."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from sla_cli.artifact.lock import locked
from sla_cli.config.settings import DivisionConfig
from sla_cli.core.alike import among
from sla_cli.core.arguments import check_name
from sla_cli.core.clip import signer_key
from sla_cli.core.counted import counted
from sla_cli.core.digest import digest_json
from sla_cli.core.quantities import Count
from sla_cli.errors import SlaError, some
from sla_cli.log import log
from sla_cli.prep.checks.finding import Finding, refuse_problems
from sla_cli.prep.checks.overlap import check_overlap
from sla_cli.prep.checks.sizes import published_counts
from sla_cli.prep.corpus import OWN
from sla_cli.prep.draw_division import description, draw, name_of
from sla_cli.store.division import Division, check_replaceable, read_division, write_division
from sla_cli.store.paths import division_path, split_name
from sla_cli.store.store import Store
from sla_cli.system.atomic import remove_leftovers
from sla_cli.system.file_identity import unchanged


@dataclass(frozen=True)
class SplitResult:
    """A division of a store.

    Attributes:
        store: `FOLDER:DIVISION`, as later commands take it
        table: path of its table
        clips: by split, the number of clips
        signers: by split, the names of its signers, sorted
        unlisted: number of clips that are in no split
        shared: what splits share, in sentences
    """

    store: str
    table: str
    clips: dict[str, int]
    signers: dict[str, list[str]] = field(default_factory=dict)
    unlisted: Count = 0
    shared: list[str] = field(default_factory=list)


def split_store(
    path: Path, *, draws: DivisionConfig | None = None, table: Path | None = None, name: str = "", force: bool = False
) -> SplitResult:
    """Write a division into a store.

    Args:
        path: folder of the store.
        draws: how the division is drawn, if it is not in `table`. One of this name that was drawn in the same way is
            continued: its groups keep their splits.
        table: a table with the columns `clip` and `split`.
        name: of the division; by default made of what is drawn, or the name of the table.
        force: replace a division of this name, drawn anew.

    Raises:
        SlaError: no such store, a name that cannot be one, a division that cannot be drawn, one of this name that was
            made otherwise and `force` is off, or splits that share a recording, or what they promise not to share.
        FormatError: the table, or the store, is damaged.
    """
    folder, other = split_name(path)
    if other:
        raise SlaError(f"{path} is a division; what is divided is the whole store", f"Give {folder} without it.")
    nothing = Division("", {})
    Store(folder, nothing)  # refuses any other folder, in which a lock would be left
    with locked(folder.resolve(), f"another process is writing {folder}", hint="Wait for it."):
        store = Store(folder, nothing)  # again: another process may meanwhile have left a signer out
        new = _taken(store, table) if table is not None else None
        wanted = draws or DivisionConfig()
        name = name or (new.name if new is not None else name_of(wanted))
        check_name(name)
        name = among(name, store.divisions)
        if name in (OWN, *store.own) or published_counts(store.header.corpus, name):  # a later prep may bring it
            raise SlaError(
                f"the name {name} is kept for the corpus's own division of {folder}", "Give another one with --name."
            )
        table_of_it = division_path(folder, name)
        check_replaceable(table_of_it)
        check = unchanged(table_of_it)
        old = read_division(table_of_it) if name in store.divisions and not force else None
        if new is None:
            if old is not None and old.drawn != description(wanted):
                raise _exists(folder, old)
            if old is not None and old.edited:
                message = f"{table_of_it} was edited, and would be drawn without the changes"
                raise SlaError(message, "Give another --name, or draw it again with --force.")
            new = draw(store.clips, wanted, name, None if old is None else _known(store, old))
            codes = _codes(store) if wanted.by == "signer" else {}
            new = replace(new, signers={clip: codes[clip] for clip in new.splits if codes})
        elif old is not None and old.splits != new.splits:
            raise _exists(folder, old)
        divided = Store(folder, replace(new, name=name, edited=False))
        shared = refuse_problems(name, check_overlap(divided.parts))
        if old is not None and old == replace(new, name=name, edited=old.edited):
            remove_leftovers(table_of_it)  # of a process that was killed just after the table had its name
            log.info("division %s of %s is up to date", name, folder)
        else:
            write_division(folder, divided.division, check=check, keep=old is None or old.edited)
    return _result(divided, shared)


def _exists(folder: Path, old: Division) -> SlaError:
    how = f"drawn {old.drawn}" if old.drawn else "made from another table"
    return SlaError(f"{folder} has a division {old.name}, {how}", "Give another --name, or replace it with --force.")


def _codes(store: Store) -> dict[str, str]:
    """By clip a code of its signer: tables are given away, and a name is known again by its digest."""
    return {
        clip: digest_json(signer_key(name)) for clip, name in zip(store.clips.ids, store.clips.signers, strict=True)
    }


def _known(store: Store, old: Division) -> dict[str, str]:
    """The split of each clip that a division lists, and of all other clips of its signers theirs.

    Raises SlaError if they differ: nobody could tell a corrected signer from another clip with the same id.
    """
    of_code = {code: old.splits[clip] for clip, code in old.signers.items()}
    by_signer = {clip: of_code[code] for clip, code in _codes(store).items() if code in of_code}
    for clip, split in by_signer.items():
        if (before := old.splits.get(clip, split)) != split:
            message = f"clip {clip} is in {before} of the division that is continued, but its signer is in {split}"
            hint = "In a copy of its table, correct the split, add new clips and remove the digest; give it with --from"
            again = "--force draws it again, and may move people from train to test"
            raise SlaError(message, f"{hint} and another --name. {again}.")
    return by_signer | dict(old.splits)


def _taken(store: Store, table: Path) -> Division:
    """The division of a table, for the clips that the store has; one that somebody edited does not count as drawn."""
    division = read_division(table)
    known = set(store.clips.ids)
    unknown = [clip for clip in division.splits if clip not in known]
    if len(unknown) == len(division.splits):
        raise SlaError(
            f"{table} lists no clip of {store.path}: {some(unknown) or 'it is empty'}", "Is it the right one?"
        )
    if unknown:
        number = counted(len(unknown), "clip")
        log.warning("%s lists %s that %s does not have: %s", table, number, store.path, some(unknown))
    splits = {clip: split for clip, split in division.splits.items() if clip in known}
    if division.edited:
        return replace(division, splits=splits, drawn="", signers={})
    signers = {clip: code for clip, code in division.signers.items() if clip in known}
    return replace(division, splits=splits, signers=signers)


def _result(store: Store, shared: list[Finding]) -> SplitResult:
    splits = store.parts
    return SplitResult(
        store=f"{store.path}:{store.division.name}",
        table=str(division_path(store.path, store.division.name)),
        clips={name: len(part) for name, part in splits.items()},
        signers={name: sorted(set(part.signers) - {""}) for name, part in splits.items()},
        unlisted=len(store.clips) - sum(map(len, splits.values())),
        shared=[f"{finding.split}: {finding.message}" if finding.split else finding.message for finding in shared],
    )
