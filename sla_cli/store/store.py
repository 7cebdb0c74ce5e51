"""The frame store: a folder with files of clips, and tables that divide the clips into train, dev and test.

`Store(path)["dev"]["clip-id"].frames(slice(0, 16))`; docs/formats.md is the specification.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path

from sla_cli.artifact.hdf5 import replaced
from sla_cli.artifact.receipt import read_receipt
from sla_cli.core.arguments import as_path, as_text
from sla_cli.core.clip import SPLITS
from sla_cli.core.digest import digest_bytes
from sla_cli.errors import FormatError, ReadError, SlaError, reading, shown, some
from sla_cli.log import log
from sla_cli.store.clips import Row, Split
from sla_cli.store.division import Division, read_division, undivided
from sla_cli.store.file import AGAIN, StoreFile
from sla_cli.store.left_out import digests_before, left_out_among
from sla_cli.store.paths import (
    STAGES,
    check_store_name,
    clips_files,
    division_names,
    division_path,
    is_begun,
    known_division,
    split_name,
)


class Store:
    """A corpus on disk: clips with their frames and glosses, in the splits of one division.

    Args:
        path: folder of the store, or `FOLDER:DIVISION`.
        division: name of the division, or one that is not in the store; by default the first one of the corpus, else
            the only one of the store.

    Attributes:
        path: its folder, as given.
        files: its files of clips.
        header: what they share.
        divisions: names of the divisions that it has.
        merged_from: digests of the splits from which it was merged.
        own: names of those that the corpus brought; the first is the default.
        division: the one that is used. Without any, clips with glosses are train, the others test.
        splits: names of those that have clips, of train, dev and test.

    Raises:
        SlaError: no store, one that is not complete, a name that no store may have, or it is not clear which division
            is wanted.
        FormatError: its receipt, a file or the table of the division is damaged.
    """

    def __init__(self, path: Path | str, division: str | Division = "") -> None:
        self.path, named = split_name(as_path(path, "path"))
        if not isinstance(division, Division) and named not in (as_text(division, "division") or named, ""):
            raise SlaError(f"{path} names another division than {division!r}", "Give one of them.")
        with reading(self.path):
            paths, there = clips_files(self.path), self.path.exists()
        if not paths and not is_begun(self.path):
            fault = f"{self.path} is not a store: no clips.h5 in it" if there else f"no such store: {self.path}"
            raise SlaError(fault, "Make one with `sla prep CORPUS SOURCE`.")
        check_store_name(self.path)
        receipt = read_receipt(self.path, *STAGES) if paths else None
        if receipt is None:
            raise SlaError(
                f"the store {self.path} is not complete: its prep or merge is still running or was interrupted",
                "Run the same `sla prep` or `sla merge` again. `sla prep CORPUS --resume` continues prep, too.",
            )
        self.files = open_files(paths)
        self.header = self.files[0].header
        self.divisions = division_names(self.path)
        self.own = list(receipt.results.get("divisions", {}))
        self.merged_from = tuple(receipt.inputs.values()) if receipt.stage == "merge" else ()
        self.division = division if isinstance(division, Division) else self._division(division or named)
        self._rows = self._divided()
        self.splits = [name for name in SPLITS if name in self._rows]
        self._open: dict[str, Split] = {}

    @property
    def name(self) -> str:
        """`FOLDER`, or `FOLDER:DIVISION` if it has several divisions."""
        return f"{self.path}:{self.division.name}" if len(self.divisions) > 1 else str(self.path)

    @cached_property
    def clips(self) -> Split:
        """All clips as one split, also those that the division leaves out."""
        rows = [(file, index) for file in self.files for index in range(len(file.ids))]
        return Split(self.path, self.header, self.division, "clips", rows, self.vocabulary)

    @property
    def default_split(self) -> str:
        """The only split, or dev if there are several."""
        return self.splits[0] if len(self.splits) == 1 else "dev"

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """Glosses of train, sorted; output column i+1 of a model is gloss i, column 0 the blank."""
        return tuple(sorted({gloss for file, index in self._rows.get("train", ()) for gloss in file.glosses[index]}))

    @property
    def parts(self) -> dict[str, Split]:
        """Its splits by name."""
        return {name: self[name] for name in self.splits}

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self.splits

    def __getitem__(self, name: str) -> Split:
        """A split. Raises SlaError if there is none of this name, FormatError if a file of it is damaged."""
        if name not in self:
            has = f"It has {some(self.splits)}." if self.splits else "It holds none of the clips of its division."
            raise SlaError(f"{self.name} has no split {shown(name)}", has)
        if name not in self._open:
            self._open[name] = Split(self.path, self.header, self.division, name, self._rows[name], self.vocabulary)
        return self._open[name]

    def _division(self, wanted: str) -> Division:
        """The division of a name, else the first that the corpus has, else the only one."""
        if wanted not in ("", *self.own):
            wanted = known_division(self.path, wanted)
        candidates = self.own[:1] or self.divisions
        if not wanted and len(candidates) > 1:
            hint = f"Name one: {self.path}:{candidates[0]}"
            raise SlaError(f"{self.path} has several divisions: {some(candidates)}", hint)
        if name := wanted or next(iter(candidates), ""):
            table = division_path(self.path, name)
            if name not in self.divisions:
                hint = (
                    "Copy the store again, repeat its `sla prep` or `sla merge`, or name another division: STORE:NAME."
                )
                raise FormatError(f"the table of the corpus's own division is missing: {table}", hint)
            return read_division(table)
        ids = [clip for file in self.files for clip in file.ids]
        return undivided(ids, [glosses for file in self.files for glosses in file.raw_glosses])

    def _divided(self) -> dict[str, list[Row]]:
        """The clips of each split, in the order of the store; none of a signer who is left out of it."""
        rows: dict[str, list[Row]] = defaultdict(list)
        splits = dict(self.division.splits)
        signers = {signer for file in self.files for signer in file.signers}
        gone, unused = left_out_among(self.path, signers), set[str]()
        for file in self.files:
            for index, name in enumerate(file.ids):
                if not (split := splits.pop(name, "")):
                    continue
                if file.signers[index] in gone:
                    unused.add(file.signers[index])
                else:
                    rows[split].append((file, index))
        if unused:
            fault = "%s still has clips of %s, left out of it: they are not used. `sla store leave-out` removes them"
            log.warning(fault, self.path, some(sorted(unused)))
        if splits:
            missing = some(splits)
            log.warning("division %s of %s lists clips that are not there: %s", self.division.name, self.path, missing)
        return rows


def open_files(paths: Sequence[Path]) -> list[StoreFile]:
    """The files of a store. Raises FormatError if a shard is missing or a file is damaged, or an id occurs twice."""
    files = [StoreFile(path) for path in paths]
    if not are_all_shards(files):
        shards = some(f"{file.header.shard} of {file.header.shards}" for file in files)
        fault = f"{paths[0].parent}: its files, by their names, are not all shards in order, from 0, but {shards}"
        raise FormatError(fault, AGAIN)
    count = Counter(name for file in files for name in file.ids)
    if twice := sorted(name for name in count if count[name] > 1):
        fault = f"{paths[0].parent}: clips that are stored twice: {some(twice)}"
        raise FormatError(fault, AGAIN)
    return files


def are_all_shards(files: Sequence[StoreFile]) -> bool:
    """Whether these files, in order, are all of a store."""
    shards = [(file.header.shard, file.header.shards) for file in files]
    return shards == [(number, len(files)) for number in range(len(files))]


def is_store_of(digests: Mapping[str, str], division: str) -> Callable[[Path], bool]:
    """A function that tells whether a folder is a finished store whose splits have these digests.

    Or had them before a signer was left out: then another store must not be used in place of it.
    """

    def is_it(folder: Path) -> bool:
        try:
            store = Store(folder, division)
            same = all(split in store.splits and store[split].digest == digest for split, digest in digests.items())
            return same or not set(digests.values()).isdisjoint(digests_before(store.path))
        except ReadError:  # it may still be the store
            raise
        except SlaError:
            return False

    return is_it


@lru_cache(maxsize=1)
def open_split(store: str, split: str, digest: str) -> Split:
    """A split of `Store.name`, or its `clips`, opened once in each process of a pool: tables take longer to read than a
    clip.

    Raises SlaError if it has another digest: another command has changed the store since.
    """
    opened = Store(store)
    parts = opened.parts | {opened.clips.name: opened.clips}
    if split not in parts or parts[split].digest != digest:
        raise replaced(opened.path)
    return parts[split]


def check_same_clips(split: Split) -> None:
    """Raise SlaError if another command has changed clips of an opened split since, such as `sla store leave-out`.

    The split may be a part of one, or of all clips: those that `sla next` chooses from.
    """
    store = Store(split.store, split.division)
    if store.parts.get(split.name, store.clips).part(set(split.ids)).digest != split.digest:
        raise replaced(store.path)


def vocabulary_digest(vocabulary: Sequence[str]) -> str:
    """Digest of a gloss vocabulary, order included."""
    return digest_bytes("\n".join(vocabulary).encode())
