"""The layouts of the RWTH-PHOENIX-Weather releases, which VAC and code based on it read.

The way in which that code reads files limits the characters of ids and glosses: it reads the table with pandas' default
separator, a comma, and splits each line at `|`; it finds frames with `glob` below `features/fullFrame-210x260px` to
count them and below `features/fullFrame-256x256px` to read them, sorted by name; references are STM files, split at
white space.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sla_cli.core.clip import SPLITS
from sla_cli.core.counted import counted
from sla_cli.errors import SlaError, some
from sla_cli.store.clips import Split, StoredClip

ENDLESS = "1.79769e+308"  # seconds: end of every clip in the official STM files
UNKNOWN = "unknown"  # a signer without a name would shift the columns of an STM file
LONGEST_NAME = 255  # bytes
SUFFIXES = {"png": ".png", "jpg": ".jpg"}
OFFICIAL = "fullFrame-210x260px"  # as released; here a link, since that code reads there too
BROKEN = "13April_2011_Wednesday_tagesschau_default-14"  # a clip of the release with missing frames
HINT = (
    "Correct it in the annotation, or rename the file from which an id comes, and run `sla prep --force` again, which "
    "reuses the other frames."
)


@dataclass(frozen=True)
class Layout:
    """A layout.

    Attributes:
        name: name on the command line.
        root: top folder.
        table, references: path of a split's table and of its STM file in it, with `{split}`.
        columns: of the table.
        cells: of a clip's row, from the clip, its signer and the suffix of its pictures.
        inner: folder of a clip's pictures within the one that has its id.
        picture: name of a picture without suffix, from id, number from 0 and the digits of the last number.
        stm_signer: form of a signer in the official STM files.
        dropped: row of the train table, from 0, that VAC's script drops; 0 for none.
    """

    name: str
    root: str
    table: str
    references: str
    columns: tuple[str, ...]
    cells: Callable[[StoredClip, str, str], Sequence[str]]
    inner: str
    picture: Callable[[str, int, int], str]
    stm_signer: Callable[[str], str] = str
    dropped: int = 0

    def table_text(self, clips: Split, suffix: str) -> str:
        """The table of a split."""
        rows = (self.cells(clip, clip.signer or UNKNOWN, suffix) for clip in clips)
        return "".join("|".join(row) + "\n" for row in (self.columns, *rows))

    def stm_text(self, clips: Split) -> str:
        """The references of a split, as annotated."""
        rows = (
            (clip.id, "1", self.stm_signer(clip.signer or UNKNOWN), "0.0", ENDLESS, *clip.raw_glosses) for clip in clips
        )
        return "".join(" ".join(row) + "\n" for row in rows)

    def pictures(self, clip: str, length: int, image: str) -> list[str]:
        """Names of the pictures of a clip, in order; `image` is a name in SUFFIXES."""
        digits = len(str(length))
        return [self.picture(clip, number, digits) + SUFFIXES[image] for number in range(length)]

    def warnings(self, chosen: Mapping[str, Split]) -> Iterator[str]:
        """What VAC's `dataset_preprocess.py` cannot handle, by split."""
        if missing := [split for split in SPLITS if split not in chosen]:
            yield f"no {' and no '.join(missing)} in the export: VAC's dataset_preprocess.py reads train, dev and test"
        for split in (split for split, clips in chosen.items() if not clips.annotated):
            yield f"{split} has no reference glosses: the annotation in its table is empty, and it gets no STM file"
        train = chosen["train"].ids if "train" in chosen else []
        if self.dropped and train and train[self.dropped : self.dropped + 1] != [BROKEN]:
            what = f"which is {train[self.dropped]}" if self.dropped < len(train) else f"and this one has {len(train)}"
            yield (
                f"VAC's dataset_preprocess.py drops row {self.dropped} of train, a broken clip of the release, {what}: "
                "remove the two lines with broken_data from it"
            )

    def check(self, split: str, clips: Split, suffix: str) -> None:
        """Raise SlaError that names the clips of a split which the layout cannot hold."""
        faults = {clip.id: fault for clip in clips if (fault := self._fault(clip, suffix))}
        if faults:
            listed = some((f"{name}: {fault}" for name, fault in faults.items()), 3)
            number = f"{len(faults)} of {counted(len(clips), 'clip')} of {split}"
            raise SlaError(f"{number} cannot be exported as {self.name}: {listed}", HINT)

    def _fault(self, clip: StoredClip, suffix: str) -> str:
        if clip.id in (".", "..") or (bad := _found(clip.id, '|,;"*?[]\\')):
            return "its id is not a valid folder name" if clip.id in (".", "..") else f"its id holds {bad}"
        longest = self.picture(clip.id, len(clip), len(str(len(clip)))) + suffix
        if (size := len(longest.encode())) > LONGEST_NAME:
            return f"its id gives file names of {size} bytes, but at most {LONGEST_NAME} are possible"
        if bad := _found(clip.signer, "|,"):
            return f"its signer {clip.signer!r} holds {bad}"
        for cell in self.cells(clip, clip.signer, suffix)[1:]:
            if bad := next((char for char in "|," if char in cell), ""):
                return f"{cell[:60]!r} contains {bad!r}, at which readers of the table split its lines"
        return ""


def _found(text: str, unwanted: str) -> str:
    """The first character that is white space or unwanted, quoted."""
    return next((repr(char) for char in text if char.isspace() or char in unwanted), "")


def _cells_2014(clip: StoredClip, signer: str, suffix: str) -> Sequence[str]:
    return clip.id, f"{clip.id}/1/*{suffix}", signer, " ".join(clip.raw_glosses)


def _cells_2014t(clip: StoredClip, signer: str, suffix: str) -> Sequence[str]:
    glosses = " ".join(clip.raw_glosses)
    return clip.id, f"{clip.id}/*{suffix}", "-1", "-1", signer, glosses, " ".join(clip.translation.split())


LAYOUTS = {
    layout.name: layout
    for layout in (
        Layout(
            name="phoenix2014",
            root="phoenix-2014-multisigner",
            table="annotations/manual/{split}.corpus.csv",
            references="evaluation/phoenix2014-groundtruth-{split}.stm",
            columns=("id", "folder", "signer", "annotation"),
            cells=_cells_2014,
            inner="1",
            picture=lambda clip, number, digits: f"{clip}.avi_pid0_fn{number:0{max(6, digits)}}-0",
            stm_signer=str.lower,
            dropped=2390,
        ),
        Layout(
            name="phoenix2014t",
            root="PHOENIX-2014-T",
            table="annotations/manual/PHOENIX-2014-T.{split}.corpus.csv",
            references="evaluation/phoenix2014-T-groundtruth-{split}.stm",
            columns=("name", "video", "start", "end", "speaker", "orth", "translation"),
            cells=_cells_2014t,
            inner="",
            picture=lambda clip, number, digits: f"images{number + 1:0{max(4, digits)}}",
        ),
    )
}
