"""Several stores as one: the clips of all, the union of their vocabularies, frames used where they lie or copied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from sla_cli.core.clip import SPLITS
from sla_cli.errors import SlaError, some
from sla_cli.formats.lock import locked
from sla_cli.formats.receipt import Receipt, already_made, receipt_path, write_receipt
from sla_cli.formats.store import Split, Store, split_path, store_files
from sla_cli.formats.store_file import Encoded, SplitHeader
from sla_cli.formats.store_write import write_split
from sla_cli.log import Advance, log, progress

ALIKE = ("size", "fit", "codec", "quality", "labels")  # must be the same in all: a model sees them as one


@dataclass
class MergeResult:
    """What is in the store.

    Attributes:
        clips: split to number of clips.
        vocabulary: glosses of train.
        renamed: ids that several stores have, each of which is called `STORE-ID` now.
        skipped: clip id to the reason why it was left out.
        failed: always empty; receipts of stores have it.
        files: of the store.
    """

    clips: dict[str, int] = field(default_factory=dict)
    vocabulary: int = 0
    renamed: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)


def merge_stores(paths: Sequence[Path], out: Path, *, copy: bool = False, force: bool = False) -> MergeResult:
    """Make one store of several.

    Args:
        paths: two or more finished stores.
        out: the new store's folder.
        copy: its files hold all frames; otherwise they use those of the stores, which must stay where they are.

    Raises:
        SlaError: a store is not complete, they are not alike, `out` is one of them, or it was made of others and
            `force` is off.
    """
    out = out.resolve()
    stores = _named(paths, out)
    first = _check_alike(stores)
    with locked(out, f"another process is writing {out}"):
        digests = {f"{name}/{split}": store[split].digest for name, store in stores.items() for split in store.splits}
        receipt = Receipt("merge", {"copy": copy}, digests)
        receipt.sources = {name: str(store.path) for name, store in stores.items()}
        if (old := already_made(out, receipt, force=force)) and all(
            (out / name).is_file() for name in old.results["files"]
        ):
            log.info("%s is up to date", out)
            return MergeResult(**old.results)
        result = MergeResult()
        counts = Counter(name for store in stores.values() for split in store.splits for name in set(store[split].ids))
        result.renamed = sorted(name for name, count in counts.items() if count > 1)
        vocabulary = tuple(sorted({gloss for store in stores.values() for gloss in store.vocabulary}))
        header = _header(stores, first, vocabulary)
        result.vocabulary = len(vocabulary)
        receipt_path(out).unlink(missing_ok=True)  # from here to the new receipt the store is not complete
        for split in (name for name in SPLITS if any(name in store.splits for store in stores.values())):
            _write_split(out, replace(header, split=split), stores, result, copy=copy)
        for path in store_files(out):
            if path.name not in result.files:
                path.unlink()  # of a store that had more splits
        receipt.results = asdict(result)
        write_receipt(receipt, out)
    return result


def _named(paths: Sequence[Path], out: Path) -> dict[str, Store]:
    """The stores by names that differ."""
    if len({path.resolve() for path in paths}) < max(2, len(paths)):
        raise SlaError(f"{len(paths)} stores to merge, {len(set(paths))} of them different", "Name two or more.")
    stores: dict[str, Store] = {}
    for path in map(Path.resolve, paths):
        if path == out:
            raise SlaError(f"{out} would be made of itself", "Give the new store another name.")
        name = next(name for name in (path.name, "-".join(path.parts[-2:]), str(path)) if name not in stores)
        stores[name.replace("/", "-")] = store = Store(path)
        if any(
            other.parent == out for split in store.splits for file in store[split].files for other in file.frames_from
        ):
            raise SlaError(f"{out} holds frames of {path}, and would lose them", "Give the new store another name.")
    return stores


def _check_alike(stores: Mapping[str, Store]) -> Split:
    """The first split of the first store. Raises SlaError where frames or labels of another were made otherwise."""
    splits = {name: store[store.splits[0]] for name, store in stores.items()}
    (first_name, first), *others = splits.items()
    for name, split in others:
        for key in ALIKE:
            if (was := getattr(first, key)) != (now := getattr(split, key)):
                option = f"--{key} {was}".replace(".v1", "")
                message = f"{key} is {was!r} in {first_name} and {now!r} in {name}: one model cannot take both"
                raise SlaError(message, f"Make {name} again: `sla prep … {option} --name …`.")
    rates = {name: split.fps for name, split in splits.items()}
    if len(set(rates.values())) > 1:
        listed = ", ".join(f"{name} {rate:g}" for name, rate in rates.items())
        log.warning(
            "frames a second differ: %s; `sla prep --fps` makes them equal, and a model sees time in frames", listed
        )
    return first


def _header(stores: Mapping[str, Store], first: Split, vocabulary: tuple[str, ...]) -> SplitHeader:
    splits = [store[store.splits[0]] for store in stores.values()]

    def common(key: str, otherwise: str) -> str:
        values = {getattr(split, key) for split in splits}
        return str(values.pop()) if len(values) == 1 else otherwise

    profile = common("profile", "none")
    if profile != first.profile:
        log.warning("the stores are scored under different clean-ups: score the merged one with --normalize")
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
    """Write one split. Clips without references are left out of one that has some elsewhere."""
    parts = {name: store[header.split] for name, store in stores.items() if header.split in store.splits}
    annotated = [name for name, part in parts.items() if part.annotated]
    if annotated and len(annotated) < len(parts):
        for name in parts.keys() - annotated:
            reason = f"{header.split} of {name} has no references, that of {some(annotated)} has"
            log.warning("leaving out %d clips: %s", len(parts[name]), reason)
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
        apart: whether equal names of signers mean different people, as those of different corpora.
    """
    for name, part in parts.items():
        for file, index in ((one, index) for one in part.files for index in range(len(one.ids))):
            clip_id = f"{name}-{file.ids[index]}" if file.ids[index] in renamed else file.ids[index]
            signer = f"{name}-{file.signers[index]}" if apart and file.signers[index] else file.signers[index]
            if copy:
                yield replace(file.raw(index), id=clip_id, signer=signer)
                continue
            yield Encoded(
                clip_id,
                signer,
                file.glosses[index],
                np.empty(0, np.uint8),
                np.zeros(file.lengths[index], np.int64),
                file.raw_glosses[index],
                file.translations[index],
                float(file.clip_fps[index]),
                float(file.squared_errors[index]),
                file.sources[index],
                file.stamps[index],
                file.notes[index],
                place=file.place(index),
                checksum=int(file.checksums[index]),
            )
