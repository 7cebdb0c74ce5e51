"""Merges several stores: the clips of all, the union of their vocabularies; frames are used in place or copied."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from sla_cli.artifact.hdf5 import is_format
from sla_cli.artifact.lock import locked
from sla_cli.artifact.receipt import Receipt, already_made, read_receipt, receipt_path, write_receipt
from sla_cli.core.clip import SPLITS
from sla_cli.core.counted import counted
from sla_cli.errors import SlaError, some
from sla_cli.log import Advance, log, progress
from sla_cli.prep.resume import cache_folder
from sla_cli.store.content import Encoded, SplitHeader
from sla_cli.store.file import NAME, StoreFile
from sla_cli.store.paths import split_path, store_files, takes_frames
from sla_cli.store.store import Split, Store
from sla_cli.store.write import write_split
from sla_cli.work.run import Run

ALIKE = ("size", "fit", "codec", "quality", "labels")  # must be equal in all stores, since one model is trained on all


@dataclass
class MergeResult:
    """The content of the merged store.

    Attributes:
        clips: split to number of clips.
        vocabulary: glosses of train.
        renamed: ids that several stores have, or that equal a new name; each is now `STORE-ID`.
        skipped: clip id to the reason why it was left out.
        failed: always empty; receipts of stores have this key.
        files: files of the store.
    """

    clips: dict[str, int] = field(default_factory=dict)
    vocabulary: int = 0
    renamed: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)


def merge_stores(paths: Sequence[Path], out: Path, *, copy: bool = False, force: bool = False) -> MergeResult:
    """Merge several stores into one.

    Args:
        paths: two or more finished stores.
        out: the new store's folder.
        copy: its files contain all frames; otherwise they use those of the stores, which must not be moved.

    Raises:
        SlaError: a store is incomplete, they do not match, `out` is one of them, has frames that one of them uses, or
            is another artifact, it was made from other stores or contains other files of these names and `force` is
            off, or ids cannot be made unique.
    """
    out = out.resolve()
    _refuse_other_artifact(out)
    stores = _named(paths, out)
    first = _check_alike(stores)
    with locked(out, f"another process is writing {out}"):
        digests = {f"{name}/{split}": store[split].digest for name, store in stores.items() for split in store.splits}
        receipt = Receipt("merge", {"copy": copy}, digests)
        receipt.sources = {name: str(store.path) for name, store in stores.items()}
        old = already_made(out, receipt, force=force)
        if old is None:
            _refuse_foreign(out, force=force)
        if old is not None and _is_whole(out, old):
            log.info("%s is up to date", out)
            return MergeResult(**old.results)
        result = MergeResult()
        result.renamed = _to_rename(stores)
        vocabulary = tuple(sorted({gloss for store in stores.values() for gloss in store.vocabulary}))
        header = _header(stores, first, vocabulary)
        result.vocabulary = len(vocabulary)
        receipt_path(out).unlink(missing_ok=True)  # from here until the new receipt the store is incomplete
        for split in (name for name in SPLITS if any(name in store.splits for store in stores.values())):
            _write_split(out, replace(header, split=split), stores, result, copy=copy)
        for path in store_files(out):
            if path.name not in result.files:
                path.unlink()  # files of a store that had more splits
        receipt.results = asdict(result)
        write_receipt(receipt, out)
    return result


def _named(paths: Sequence[Path], out: Path) -> dict[str, Store]:
    """The stores by unique names."""
    if len(paths) < 2:
        raise SlaError(f"only {paths[0]} was given: there is nothing to merge it with", "Give two stores or more.")
    if (different := len({path.resolve() for path in paths})) < len(paths):
        raise SlaError(f"{len(paths)} stores to merge, {different} of them different", "Give each once.")
    stores: dict[str, Store] = {}
    for path in map(Path.resolve, paths):
        if takes_frames(path, out):
            what = "itself" if path == out else f"{path}, which uses its frames"
            raise SlaError(f"{out} would be made from {what}", "Give the new store another name.")
        name = next(name for name in (path.name, "-".join(path.parts[-2:]), str(path)) if name not in stores)
        stores[name.replace("/", "-")] = Store(path)
    return stores


def _refuse_other_artifact(out: Path) -> None:
    """Raise SlaError if a folder is a run, a score or another artifact that is not a store: it is never replaced."""
    made = read_receipt(out)
    if (made is not None and made.stage not in ("prep", "merge")) or Run(out).exists:
        what = "run" if Run(out).exists or made is None else f"result of `sla {made.stage}`"
        raise SlaError(f"{out} is not a store but a {what}", "Name another folder.")


def _refuse_foreign(out: Path, *, force: bool) -> None:
    """Raise SlaError if there is an unfinished store, or a file of another kind under a name that will be written."""
    if any(out.glob(cache_folder(out, "*").name)):
        raise SlaError(f"{out} is an unfinished store of `sla prep`", "Name another folder, or remove it.")
    for path in (split_path(out, split) for split in SPLITS):
        if not force and path.exists() and not is_format(path, NAME):
            raise SlaError(f"{path} exists and is not a file of a store", "Name another folder, or use --force.")


def _is_whole(out: Path, receipt: Receipt) -> bool:
    """Whether all files of a merged store exist, and the frames of others that they use."""
    try:
        for name in receipt.results["files"]:
            StoreFile(out / name).places()
    except SlaError as error:
        log.info("%s is made again: %s", out, error.message)
        return False
    return True


def _to_rename(stores: Mapping[str, Store]) -> list[str]:
    """Ids that several stores have, or that equal a new name; sorted.

    Raises SlaError if new names equal each other.
    """
    ids = {name: {clip for split in store.splits for clip in store[split].ids} for name, store in stores.items()}
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


def _check_alike(stores: Mapping[str, Store]) -> Split:
    """The first split of the first store. Raises SlaError if frames or labels of another were made differently."""
    splits = {name: store[store.splits[0]] for name, store in stores.items()}
    (first_name, first), *others = splits.items()
    for name, split in others:
        for key in ALIKE:
            if (was := getattr(first, key)) != (now := getattr(split, key)):
                option = f"--{key} {was}".replace(".v1", "")
                message = f"{key} is {was!r} in {first_name} and {now!r} in {name}: one model cannot use both"
                raise SlaError(message, f"Make {name} again: `sla prep … {option} --name …`.")
    rates = {name: split.fps for name, split in splits.items()}
    if len(set(rates.values())) > 1:
        listed = ", ".join(f"{name} {rate:g}" for name, rate in rates.items())
        log.warning(
            "frame rates differ: %s; `sla prep --fps` makes them equal, because a model counts time in frames", listed
        )
    return first


def _header(stores: Mapping[str, Store], first: Split, vocabulary: tuple[str, ...]) -> SplitHeader:
    splits = [store[store.splits[0]] for store in stores.values()]

    def common(key: str, otherwise: str) -> str:
        values = {getattr(split, key) for split in splits}
        return str(values.pop()) if len(values) == 1 else otherwise

    profile = common("profile", "none")
    if profile != first.profile:
        log.warning("the stores have different scoring profiles: score the merged store with --normalize")
    return SplitHeader(
        corpus=common("corpus", "+".join(dict.fromkeys(split.corpus for split in splits))),
        split="",
        size=first.size,
        fit=first.fit,
        codec=first.codec,
        quality=first.quality,
        fps=first.fps,
        vocabulary=vocabulary,
        labels=first.labels,
        protocol=common("protocol", "+".join(dict.fromkeys(split.protocol or split.corpus for split in splits))),
        recipe=common("recipe", ""),
        profile=profile,
        preset=common("preset", "base"),
        unseen=common("unseen", ""),
    )


def _write_split(
    out: Path, header: SplitHeader, stores: Mapping[str, Store], result: MergeResult, *, copy: bool
) -> None:
    """Write one split. If some stores have references for it, clips of the others are left out."""
    parts = {name: store[header.split] for name, store in stores.items() if header.split in store.splits}
    annotated = [name for name, part in parts.items() if part.annotated]
    if annotated and len(annotated) < len(parts):
        for name in parts.keys() - annotated:
            reason = f"{header.split} of {name} has no references, but that of {some(annotated)} has"
            log.warning("leaving out %s: %s", counted(len(parts[name]), "clip"), reason)
            result.skipped |= dict.fromkeys(parts.pop(name).ids, reason)
    rates = [part.fps for part in parts.values() if part.fps]
    header = replace(header, annotated=bool(annotated), fps=rates[0] if rates else 0.0)
    total = sum(int(file.clip_bytes.sum()) for part in parts.values() for file in part.files) if copy else 0
    path = split_path(out, header.split)
    clips = _clips(parts, set(result.renamed), apart="+" in header.corpus, copy=copy)
    with progress(f"merge {header.split}", sum(map(len, parts.values()))) as advance:
        write_split(path, header, _counted(clips, advance), total)
    result.clips[header.split] = sum(map(len, parts.values()))
    result.files.append(path.name)


def _counted(clips: Iterator[Encoded], advance: Advance) -> Iterator[Encoded]:
    for clip in clips:
        yield clip
        advance()


def _clips(parts: Mapping[str, Split], renamed: set[str], *, apart: bool, copy: bool) -> Iterator[Encoded]:
    """The clips of a split of all stores, in their order.

    Args:
        apart: whether equal names of signers mean different people, as in different corpora.
    """
    for name, part in parts.items():
        for file, index in ((one, index) for one in part.files for index in range(len(one.ids))):
            clip_id = _new_name(name, file.ids[index], renamed)
            signer = f"{name}-{file.signers[index]}" if apart and file.signers[index] else file.signers[index]
            yield replace(file.raw(index) if copy else file.lent(index), id=clip_id, signer=signer)
