"""Merges several stores: the clips of all, copied, in one store, and one division of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from sla_cli.artifact.lock import locked
from sla_cli.artifact.receipt import Receipt, already_made, read_receipt, receipt_path, write_receipt
from sla_cli.core.clip import SPLITS
from sla_cli.core.counted import counted
from sla_cli.errors import SlaError, some
from sla_cli.log import Advance, log, progress
from sla_cli.prep.begun import cache_folder
from sla_cli.prep.checks.overlap import same_frames
from sla_cli.prep.corpus import OWN
from sla_cli.prep.result import DivisionFigures
from sla_cli.store.content import EncodedClip, StoreHeader
from sla_cli.store.division import Division, write_division
from sla_cli.store.paths import clips_path, stored_files
from sla_cli.store.split import Split
from sla_cli.store.store import Store
from sla_cli.store.write import write_clips
from sla_cli.work.run import Run

ALIKE = ("size", "fit", "codec", "quality", "labels")  # must be equal in all stores, since one model is trained on all


@dataclass
class MergeResult:
    """The content of the merged store.

    Attributes:
        clips: number of clips.
        divisions: its division, by name.
        renamed: ids that several stores have, or that equal a new name; each is now `STORE-ID`.
        skipped: clip id to the reason why it was left out.
        files: files of the store.
    """

    clips: int = 0
    divisions: dict[str, DivisionFigures] = field(default_factory=dict)
    renamed: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)


def merge_stores(paths: Sequence[Path], out: Path, *, force: bool = False) -> MergeResult:
    """Merge several stores into one. Clips that the division of their store leaves out are not taken.

    Args:
        paths: two or more finished stores, each as `FOLDER` or `FOLDER:DIVISION`.
        out: the new store's folder.

    Raises:
        SlaError: a store is incomplete, they do not match, they have the same recording in train and in an evaluation
            split, `out` is one of them or another artifact, it was made from other stores or contains other files and
            `force` is off, or ids cannot be made unique.
    """
    out = out.resolve()
    _refuse_other_artifact(out)
    stores = _named(paths, out)
    _check_alike(stores)
    with locked(out, f"another process is writing {out}"):
        receipt = _receipt(stores)
        old = already_made(out, receipt, force=force)
        if old is None:
            _refuse_foreign(out, force=force)
        elif all((out / name).is_file() for name in old.results["files"]):
            log.info("%s is up to date", out)
            figures = {name: DivisionFigures(**one) for name, one in old.results["divisions"].items()}
            return MergeResult(**old.results | {"divisions": figures})
        parts, skipped = _parts(stores)
        _check_leaks(parts)
        result = MergeResult(renamed=_to_rename(stores), skipped=skipped)
        receipt_path(out).unlink(missing_ok=True)  # from here until the new receipt the store is incomplete
        _write(out, stores, parts, result)
        receipt.results = asdict(result)
        write_receipt(receipt, out)
    return result


def _receipt(stores: Mapping[str, Store]) -> Receipt:
    digests = {f"{name}/{split}": store[split].digest for name, store in stores.items() for split in store.splits}
    return Receipt("merge", {}, digests, sources={name: store.name for name, store in stores.items()})


def _named(paths: Sequence[Path], out: Path) -> dict[str, Store]:
    """The stores by unique names."""
    if len(paths) < 2:
        raise SlaError(f"only {paths[0]} was given: there is nothing to merge it with", "Give two stores or more.")
    opened = [Store(path.resolve()) for path in paths]
    if (different := len({store.path.resolve() for store in opened})) < len(paths):
        raise SlaError(f"{len(paths)} stores to merge, {different} of them different", "Give each once.")
    stores: dict[str, Store] = {}
    for store in opened:
        folder = store.path.resolve()
        if folder == out:
            raise SlaError(f"{out} would be made from itself", "Give the new store another name.")
        name = next(name for name in (folder.name, "-".join(folder.parts[-2:]), str(folder)) if name not in stores)
        stores[name.replace("/", "-")] = store
    return stores


def _refuse_other_artifact(out: Path) -> None:
    """Raise SlaError if a folder is a run, a score or another artifact that is not a store: it is never replaced."""
    made = read_receipt(out)
    if (made is not None and made.stage not in ("prep", "merge")) or Run(out).exists:
        what = "run" if Run(out).exists or made is None else f"result of `sla {made.stage}`"
        raise SlaError(f"{out} is not a store but a {what}", "Name another folder.")


def _refuse_foreign(out: Path, *, force: bool) -> None:
    """Raise SlaError if a folder holds other files than those of a store that may be replaced."""
    if any(out.glob(cache_folder(out, "*").name)):
        raise SlaError(f"{out} is an unfinished store of `sla prep`", "Name another folder, or remove it.")
    others = [path.name for path in out.iterdir() if path.name != ".lock"]
    if others and not (force and read_receipt(out) is not None):
        raise SlaError(f"{out} contains {some(sorted(others))}", "Name another folder; --force replaces a store.")


def _to_rename(stores: Mapping[str, Store]) -> list[str]:
    """Ids that several stores have, or that equal a new name; sorted.

    Raises SlaError if new names equal each other.
    """
    ids = {name: set(store.clips.ids) for name, store in stores.items()}
    renamed: set[str] = set()
    while True:
        olds: dict[str, list[str]] = defaultdict(list)  # ids of each new name
        for name, clip in ((name, clip) for name, clips in ids.items() for clip in clips):
            olds[_new_name(name, clip, renamed)].append(clip)
        meeting = {new: clips for new, clips in olds.items() if len(clips) > 1}
        if not meeting:
            return sorted(renamed)
        more = {clip for clips in meeting.values() for clip in clips} - renamed
        if not more:
            raise SlaError(f"ids cannot be made unique: {some(sorted(meeting))}", "Rename the folder of one store.")
        renamed |= more


def _new_name(store: str, clip: str, renamed: Container[str]) -> str:
    return f"{store}-{clip}" if clip in renamed else clip


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
    if len(set(rates.values())) > 1:
        listed = ", ".join(f"{name} {rate:g}" for name, rate in rates.items())
        log.warning(
            "frame rates differ: %s; `sla prep --fps` makes them equal, because a model counts time in frames", listed
        )


def _parts(stores: Mapping[str, Store]) -> tuple[list[tuple[str, Split]], dict[str, str]]:
    """The splits of all stores, each with the name of its store, and the clips that are left out, with the reason.

    If some stores have references for a split, clips of the others are left out.
    """
    parts, skipped = list[tuple[str, Split]](), dict[str, str]()
    for split in SPLITS:
        there = {name: store[split] for name, store in stores.items() if split in store.splits}
        annotated = [name for name, part in there.items() if part.annotated]
        for name, part in there.items():
            if not annotated or part.annotated:
                parts.append((name, part))
                continue
            reason = f"{split} of {name} has no references, but that of {some(annotated)} has"
            log.warning("leaving out %s: %s", counted(len(part), "clip"), reason)
            skipped |= dict.fromkeys(part.ids, reason)
    return parts, skipped


def _check_leaks(parts: Sequence[tuple[str, Split]]) -> None:
    """Raise SlaError if stores have the same frames in different splits."""
    for number, (name, part) in enumerate(parts):
        for other, one in parts[:number]:
            if one.name != part.name and (pair := next(same_frames([one, part]), None)):
                message = (
                    f"clip {pair[0]} of {one.name} in {other} has the frames of {pair[1]} of {part.name} in {name}"
                )
                hint = "Divide the stores alike: `sla split STORE --from TABLE`, or merge one of them only."
                raise SlaError(message, hint)


def _header(stores: Mapping[str, Store]) -> StoreHeader:
    headers = [store.header for store in stores.values()]
    first = headers[0]

    def common(key: str, otherwise: str) -> str:
        values = {getattr(header, key) for header in headers}
        return str(values.pop()) if len(values) == 1 else otherwise

    profile = common("profile", "none")
    if profile != first.profile:
        log.warning("the stores have different scoring profiles: score the merged store with --normalize")
    return StoreHeader(
        corpus=common("corpus", "+".join(dict.fromkeys(header.corpus for header in headers))),
        size=first.size,
        quality=first.quality,
        codec=first.codec,
        fit=first.fit,
        labels=first.labels,
        recipe=common("recipe", ""),
        profile=profile,
        preset=common("preset", "base"),
    )


def _write(out: Path, stores: Mapping[str, Store], parts: Sequence[tuple[str, Split]], result: MergeResult) -> None:
    """Write the clips and their division, and complete the result."""
    header, renamed = _header(stores), set(result.renamed)
    total = sum(size for _, part in parts for size in part.clip_bytes)
    with progress("merge", sum(len(part) for _, part in parts)) as advance:
        clips = _clips(parts, renamed, apart="+" in header.corpus)
        write_clips(clips_path(out), header, _counted(clips, advance), total)
    for path in stored_files(out):
        if path != clips_path(out):
            path.unlink()  # shards of a store that is replaced
    splits = {_new_name(name, clip, renamed): part.name for name, part in parts for clip in part.ids}
    unseen = {store.division.unseen for store in stores.values()}
    write_division(out, Division(OWN, splits, unseen.pop() if len(unseen) == 1 else ""))
    vocabulary = {gloss for _, part in parts if part.name == "train" for words in part.glosses for gloss in words}
    result.clips, result.files = len(splits), [clips_path(out).name]
    result.divisions = {OWN: DivisionFigures(dict(Counter(splits.values())), len(vocabulary))}


def _counted(clips: Iterator[EncodedClip], advance: Advance) -> Iterator[EncodedClip]:
    for clip in clips:
        yield clip
        advance()


def _clips(parts: Sequence[tuple[str, Split]], renamed: set[str], *, apart: bool) -> Iterator[EncodedClip]:
    """The clips of all splits under their new names.

    Args:
        apart: whether equal names of signers mean different people, as in different corpora.
    """
    for name, part in parts:
        for clip in (stored.raw() for stored in part):
            signer = f"{name}-{clip.signer}" if apart and clip.signer else clip.signer
            yield replace(clip, id=_new_name(name, clip.id, renamed), signer=signer)
