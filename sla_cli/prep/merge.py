"""Merges several stores: the clips of all, copied, in one store, and one division of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from pathlib import Path

from sla_cli.artifact.lock import LOCK, locked_while_made
from sla_cli.artifact.receipt import Receipt, read_receipt, receipt_path
from sla_cli.config.checks import read_values
from sla_cli.core.clip import SPLITS, one_spelling
from sla_cli.core.counted import counted
from sla_cli.core.quantities import Count, rates_differ
from sla_cli.errors import SlaError, some
from sla_cli.log import Advance, log, progress
from sla_cli.prep.checks.overlap import overlapping, same_frames
from sla_cli.prep.corpus import OWN
from sla_cli.prep.left_out import check_nobody_left_out
from sla_cli.prep.merge_people import check_left_out, check_promise, clips_that_left, names_left_out, prefixes_of
from sla_cli.prep.other_files import check_clips_files, remove_other_files
from sla_cli.prep.result import DivisionFigures, division_figures
from sla_cli.store.clips import Split
from sla_cli.store.content import EncodedClip, StoreHeader
from sla_cli.store.division import Division, check_unedited, write_division
from sla_cli.store.file import StoreFile
from sla_cli.store.left_out import FILES, add_clips_left_out, add_left_out
from sla_cli.store.paths import (
    DIVISIONS,
    STAGES,
    check_store_name,
    clips_files,
    clips_path,
    lost_divisions,
    names_store,
)
from sla_cli.store.store import Store
from sla_cli.store.write import write_clips
from sla_cli.system.atomic import is_temporary, refuse_link
from sla_cli.work.kind import RECEIPT_NAME, STORE_FILE, file_kind
from sla_cli.work.making import making
from sla_cli.work.output import check_folder

ALIKE = ("size", "fit", "codec", "quality", "labels")  # must be equal in all stores, since one model is trained on all


@dataclass
class MergeResult:
    """The merged store.

    Attributes:
        store: path of the new store
        clips: number of clips
        divisions: by name, its division
        renamed: whether ids became `STORE-ID`, because two stores have an id in common
        skipped: by the clip id that it would have, why it was left out
        files: names of the store's files
    """

    store: str
    clips: Count = 0
    divisions: dict[str, DivisionFigures] = field(default_factory=dict)
    renamed: bool = False
    skipped: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)


def merge_stores(paths: Sequence[Path], out: Path, *, force: bool = False) -> MergeResult:
    """Merge several stores into one. Clips that the division of their store leaves out are not taken.

    Args:
        paths: two or more finished stores, each as `FOLDER` or `FOLDER:DIVISION`.
        out: the new store's folder.

    Raises:
        SlaError: a store is incomplete, they do not match, they have the same recording in train and in an evaluation
            split, `out` is one of them, contains other files than those of a store, or was made from other stores and
            `force` is off.
    """
    check_folder(out.parent)
    out = out.resolve()
    check_store_name(out)
    stores = _named(paths, out)
    _check_alike(stores)
    with locked_while_made(out, f"another process is writing {out}"):
        _check_folder(out, stores, force)

        def is_whole(made: Receipt) -> bool:
            return clips_path(out).is_file() and not lost_divisions(out, made.results)

        with making(out, _receipt(stores), force=force, is_whole=is_whole) as artifact:
            if artifact.there is not None:
                return read_values(MergeResult, artifact.there.results | {"store": str(out)}, receipt_path(out))
            check_clips_files(out)
            result = MergeResult(str(out), renamed=_renames(stores))
            parts, result.skipped = _parts(stores, result.renamed)
            _check_leaks(parts)
            new_ids = _new_ids(parts, result.renamed)
            check_left_out(out, stores, new_ids)
            header, division = _header(stores), _division(stores, parts, result.renamed)
            check_promise(stores, parts, header, division)
            check_unedited(out, [OWN], "merged store")

            def begin() -> None:
                for store in stores.values():
                    check_nobody_left_out(store)
                _check_folder(out, stores, force)
                check_clips_files(out)
                check_unedited(out, [OWN], "merged store")  # again: copying may have taken hours
                artifact.begin()
                gone = {_id(*clip, result.renamed): signer for clip, signer in clips_that_left(stores).items()}
                add_left_out(out, names_left_out(stores))
                # A clip with such an id is one of another corpus, else it was refused.
                add_clips_left_out(out, {clip: gone[clip] for clip in gone if clip not in new_ids})

            _write(out, prefixes_of(stores), parts, header, division, result, begin)
            artifact.results = asdict(result)
            del artifact.results["store"]  # it may be moved
    return result


def _receipt(stores: Mapping[str, Store]) -> Receipt:
    digests = {f"{name}/{split}": store[split].digest for name, store in stores.items() for split in store.splits}
    digests |= {
        f"{name}/merged-{number}": digest
        for name, store in stores.items()
        for number, digest in enumerate(store.merged_from)
    }
    return Receipt("merge", {}, digests, sources={name: store.name for name, store in stores.items()})


def _named(paths: Sequence[Path], out: Path) -> dict[str, Store]:
    """The stores by unique names."""
    if len(paths) < 2:
        raise SlaError(f"only {paths[0]} was given: there is nothing to merge it with", "Give two stores or more.")
    opened = [Store(path.resolve() if names_store(path) else path) for path in paths]  # one that is not there as given
    folders = [store.path.resolve() for store in opened]
    if twice := [folder for folder in folders if folders.count(folder) > 1]:
        raise SlaError(f"{twice[0]} is given twice", "Give each store once.")
    stores: dict[str, Store] = {}
    for store in opened:
        folder = store.path.resolve()
        if folder == out:
            raise SlaError(f"{out} would be made from itself", "Give the new store another name.")
        name = next(name for name in (folder.name, "-".join(folder.parts[-2:]), str(folder)) if name not in stores)
        stores[name.replace("/", "-")] = store
    return stores


def _check_folder(out: Path, stores: Mapping[str, Store], force: bool) -> None:
    """Raise SlaError if a folder contains other files than those of a store: they are never replaced.

    A store without receipt is one that was being made or replaced, when the command was killed. It may have left what
    it was writing. One with clips of these stores only is made again; another may be a copy that lacks the receipt.
    """
    written, kept = (clips_path(out).name, RECEIPT_NAME, *FILES), (LOCK, *FILES)
    found = (path for path in out.iterdir() if not any(is_temporary(path, name) for name in written))
    held = sorted(path.name for path in found if path.name not in kept)
    made = read_receipt(out)
    own = {*(path.name for path in clips_files(out)), DIVISIONS}
    unfinished = (
        made is None  # a damaged file of a finished store is made again
        and own.issuperset(held)
        and all(file_kind(path) == STORE_FILE for path in clips_files(out))
    )
    again = unfinished and (force or _has_only_clips_of(stores, out))
    if held and not again and (made is None or made.stage not in STAGES):
        hint = f"{'Use --force if a merge was killed here, or name' if unfinished else 'Name'} another folder."
        raise SlaError(f"{out} is not a finished store, and contains {some(held)}", hint)
    for name in FILES:
        refuse_link(out / name)


def _has_only_clips_of(stores: Mapping[str, Store], out: Path) -> bool:
    """Whether the clips in a folder are of these stores, by ids and frames. Raises FormatError for a damaged file."""
    renamed, files = _renames(stores), list(map(StoreFile, clips_files(out)))
    clips = {
        (_id(name, clip, renamed), checksum)
        for name, store in stores.items()
        for clip, checksum in zip(store.clips.ids, store.clips.checksums, strict=True)
    }
    return bool(files) and all(clips.issuperset(zip(file.ids, file.checksums, strict=True)) for file in files)


def _renames(stores: Mapping[str, Store]) -> bool:
    """Whether two stores have an id in common."""
    ids = [clip for store in stores.values() for clip in store.clips.ids]
    return len(set(ids)) < len(ids)


def _check_alike(stores: Mapping[str, Store]) -> None:
    """Raise SlaError if frames or labels of a store were made differently than those of the first."""
    (first_name, first), *others = stores.items()
    for name, store in others:
        for key in ALIKE:
            if (was := getattr(first.header, key)) != (now := getattr(store.header, key)):
                option = f"--{key} {was}".replace(".v1", "")
                message = f"{key} is {was!r} in {first_name} and {now!r} in {name}: one model cannot use both"
                raise SlaError(message, f"Make {name} again: `sla prep … {option} --name …`.")
    rates = {name: store.clips.fps for name, store in stores.items()}
    if rates_differ(rates.values()):
        listed = ", ".join(f"{name} {rate:g}" for name, rate in rates.items() if rate)
        log.warning(
            "frame rates differ: %s; `sla prep --fps` makes them equal, because a model counts time in frames", listed
        )


def _parts(stores: Mapping[str, Store], renamed: bool) -> tuple[list[tuple[str, Split]], dict[str, str]]:
    """The splits of all stores, each with the name of its store, and the clips that are left out, with the reason.

    If some stores have references for a split, clips of the others are left out; so are those in no split.
    """
    parts, skipped = list[tuple[str, Split]](), dict[str, str]()

    def leave_out(name: str, clips: Sequence[str], reason: str) -> None:
        log.warning("leaving out %s: %s", counted(len(clips), "clip"), reason)
        skipped.update((_id(name, clip, renamed), reason) for clip in clips)

    for split in SPLITS:
        there = {name: store[split] for name, store in stores.items() if split in store.splits}
        annotated = [name for name, part in there.items() if part.annotated]
        for name, part in there.items():
            if not annotated or part.annotated:
                parts.append((name, part))
                continue
            leave_out(name, part.ids, f"{split} of {name} has no references, but that of {some(annotated)} has")
    for name, store in stores.items():
        listed = {clip for split in store.splits for clip in store[split].ids}
        if rest := [clip for clip in store.clips.ids if clip not in listed]:
            leave_out(name, rest, f"division {store.division.name} of {name} has them in no split")
    return parts, skipped


def _check_leaks(parts: Sequence[tuple[str, Split]]) -> None:
    """Raise SlaError if stores have the same recording in different splits; warn if they have it in the same split."""
    for number, (name, part) in enumerate(parts):
        for other, one in parts[:number]:
            pair = _same_recording(one, part)
            if pair is not None and one.name != part.name:
                message = f"clip {pair[0]} of {one.name} in {other} is also in {name}, as clip {pair[1]} of {part.name}"
                hint = "Divide the stores alike: `sla split STORE --from TABLE`, or merge one of them only."
                raise SlaError(message, hint)
            if pair is not None:
                log.warning("%s has clips of %s in %s too, such as %s", name, other, one.name, pair[1])


def _same_recording(one: Split, other: Split) -> tuple[str, str] | None:
    """A clip of each that show the same: equal frames, or the same moment of a recording, at whatever frame rate."""
    for first, second in chain(same_frames([one, other]), overlapping([one, other])):
        if first.split != second.split:
            return (first.id, second.id) if second.split else (second.id, first.id)
    return None


def _new_ids(parts: Sequence[tuple[str, Split]], renamed: bool) -> dict[str, tuple[str, str]]:
    """By new id the store and the id there.

    Raises SlaError if two clips get the same id: `a-b-c` would be clip c of a-b and clip b-c of a.
    """
    found: dict[str, tuple[str, str]] = {}
    for name, part in parts:
        for clip in part.ids:
            other, one = found.setdefault(_id(name, clip, renamed), (name, clip))
            if (other, one) != (name, clip):
                message = (
                    f"clip {one} of {other} and clip {clip} of {name} would both become {_id(name, clip, renamed)}"
                )
                raise SlaError(message, "Rename the folder of one of the stores.")
    return found


def _header(stores: Mapping[str, Store]) -> StoreHeader:
    headers = [store.header for store in stores.values()]
    first = headers[0]

    def common(key: str, otherwise: str) -> str:
        values = {getattr(header, key) for header in headers}
        return str(values.pop()) if len(values) == 1 else otherwise

    profile = common("profile", "none")
    if profile != first.profile:
        log.warning("the stores have different scoring profiles: score the merged store with --normalize")
    return replace(
        first,
        corpus=common("corpus", "+".join(dict.fromkeys(header.corpus for header in headers))),
        recipe=common("recipe", ""),
        profile=profile,
        preset=common("preset", "base"),
        shard=0,
        shards=1,
    )


def _division(stores: Mapping[str, Store], parts: Sequence[tuple[str, Split]], renamed: bool) -> Division:
    """The divisions of all stores as one; it promises what all of them promise."""
    unseen = {store.division.unseen for store in stores.values()}
    splits = {_id(name, clip, renamed): part.name for name, part in parts for clip in part.ids}
    return Division(OWN, splits, unseen.pop() if len(unseen) == 1 else "")


def _write(
    out: Path,
    prefixes: Mapping[str, str],
    parts: Sequence[tuple[str, Split]],
    header: StoreHeader,
    division: Division,
    result: MergeResult,
    begin: Callable[[], None],
) -> None:
    """Write the clips and the division, and complete the result.

    Args:
        prefixes: as for `_clips`.
        begin: called when all clips are copied, before anything in the folder is changed.
    """
    total = sum(size for _, part in parts for size in part.clip_bytes)

    def clips() -> Iterator[EncodedClip]:
        yield from _clips(parts, prefixes, renamed=result.renamed, advance=advance)
        begin()

    with progress("merge", sum(len(part) for _, part in parts)) as advance:
        write_clips(clips_path(out), header, clips(), total)
    write_division(out, division)
    remove_other_files(out, [clips_path(out).name])
    file = StoreFile(clips_path(out))
    result.clips, result.files = len(division.splits), [file.path.name]
    result.divisions = {OWN: division_figures(division, dict(zip(file.ids, file.glosses, strict=True)))}


def _clips(
    parts: Sequence[tuple[str, Split]], prefixes: Mapping[str, str], *, renamed: bool, advance: Advance
) -> Iterator[EncodedClip]:
    """The clips of all splits.

    Args:
        prefixes: by store, what comes before the names of its signers.
        renamed: whether ids become `STORE-ID`.
    """
    signers = iter(one_spelling(one and prefixes[name] + one for name, part in parts for one in part.signers))
    for name, part in parts:
        for clip in (stored.raw() for stored in part):
            yield replace(clip, id=_id(name, clip.id, renamed), signer=next(signers))
            advance()


def _id(store: str, clip: str, renamed: bool) -> str:
    return f"{store}-{clip}" if renamed else clip
