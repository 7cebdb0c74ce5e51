"""RWTH-PHOENIX-Weather, released as a table for each split and a folder of images for each clip.

2014 (Koller et al., 2015): two divisions of the same clips, multisigner and SI5, which is signer-independent. The
labels of train are not clean (`loc-NORD`, `__EMOTION__`, `HABEN2`), those of dev and test are. The default keeps them
raw, like VAC and the code based on it, with whose error rates results are compared: the official clean-up is then
applied to hypotheses, before scoring. 2014 T (Camgoz et al., 2018): glosses and German translations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from sla_cli.artifact.table import Row
from sla_cli.config.checks import OptionValues
from sla_cli.core.clip import SPLITS, Clip, Source
from sla_cli.errors import FormatError, SlaError, some
from sla_cli.log import log
from sla_cli.prep.corpus import OWN, Corpus, Listing
from sla_cli.prep.tables.annotation import inside, read_rows
from sla_cli.prep.tables.locate import contents, find_root, folders_with, is_folder, join, parent_of, sample
from sla_cli.video.tree import Tree

COLUMNS = ("id", "folder", "signer", "annotation")  # of 2014
# Frames as released, and as resized by the scripts of VAC and code based on it; the first that exists is used.
FEATURES = ("fullFrame-210x260px", "fullFrame-256x256px")


@dataclass(frozen=True)
class Release:
    """The layout of a release.

    Attributes:
        tables: by division, the path of a split's table, with `{split}` in it. The folder of each is searched alone; a
            division whose tables are missing is left out, unless all are.
        columns: of id, frame folder (as `NAME/1/*.png`), signer and glosses, and of the translation if there is one.
        hint: what to give as SOURCE.
        frames_of: name of a folder next to that of the tables, whose frames are used if that one has none.
    """

    tables: Mapping[str, str]
    columns: tuple[str, ...]
    hint: str
    frames_of: str = ""

    def read(self, tree: Tree, options: OptionValues) -> Listing:
        """The clips of all divisions, each once.

        Raises SlaError: there is no such release under the tree, a table is broken, or two divisions have the same clip
        with other glosses.
        """
        listing = Listing()
        for division, root in self._roots(tree).items():
            for split in SPLITS:
                path = join(root, self.tables[division].format(split=split))
                if not tree.is_file(path):
                    log.warning("no %s: division %s gets no %s split", tree.where(path), division, split)
                    continue
                for clip in self._clips(tree, root, split, path, read_rows(tree, path, self.columns, listing)):
                    listing.add(clip, division, split)
        return listing

    def _roots(self, tree: Tree) -> dict[str, str]:
        """The folder of each division that is there; for a release with several, at least one."""
        markers = {division: table.format(split="train") for division, table in self.tables.items()}
        there = [division for division, marker in markers.items() if folders_with(tree, marker)]
        return {division: find_root(tree, markers[division], self.hint) for division in there or [next(iter(markers))]}

    def _clips(self, tree: Tree, root: str, split: str, table: str, rows: Sequence[Row]) -> list[Clip]:
        name, folder, signer, glosses, *translation = self.columns
        folders = [_clip_folder(row[folder], f"{tree.where(table)}, line {row.line}") for row in rows]
        frames, inner = self._find_frames(tree, root, split, sample(folders))
        return [
            Clip(
                id=row[name].strip(),
                signer=row[signer].strip(),
                glosses=tuple(row[glosses].split()),
                source=Source(tree.root, join(frames, clip, inner)),
                translation=" ".join(word for column in translation for word in row[column].split()),
                where=f"{PurePosixPath(table).name}, line {row.line}",
            )
            for row, clip in zip(rows, folders, strict=True)
        ]

    def _find_frames(self, tree: Tree, root: str, split: str, clips: Sequence[str]) -> tuple[str, str]:
        """The folder of a split's frames, and the folder inside each clip's folder: `1`, or none.

        Tables and folders do not always agree on the `1`, so a few clips are searched in both ways.
        """
        bases = [root, join(parent_of(root), self.frames_of)] if self.frames_of else [root]
        tries = [join(base, "features", features, split) for base in bases for features in FEATURES]
        for frames in tries:
            for inner in ("1", ""):
                if not clips or any(is_folder(tree, join(frames, clip, inner)) for clip in clips):
                    return frames, inner
        raise SlaError(
            f"the frames of {split} are missing: looked for {some(clips, 2)}, each with and without /1, "
            f"in {some(map(tree.where, tries))}; {contents(tree, tries[0])}",
            "The frames of the release belong there.",
        )


def _clip_folder(pattern: str, at: str) -> str:
    """`NAME` of `NAME/1/*.png` or `NAME/*.png`. Raises SlaError if it is not inside the corpus."""
    parts = PurePosixPath(inside(pattern.strip(), at)).parts[:-1]
    folder = "/".join(parts[:-1] if parts[-1:] == ("1",) else parts)
    if not folder:
        raise FormatError(f"{at}: {pattern!r} names no folder in the corpus", "Expected: NAME/1/*.png or NAME/*.png.")
    return inside(folder, at)


CORPORA = (
    Corpus(
        name="phoenix2014",
        title="RWTH-PHOENIX-Weather 2014: German weather forecasts, 9 signers; divisions multisigner and si5",
        layout="phoenix-2014-multisigner/ with annotations/manual/train.corpus.csv and "
        "features/fullFrame-210x260px/train/<id>/1/*.png, or phoenix2014-release/ that contains it. With "
        "phoenix-2014-signerindependent-SI5/ next to it, the store also has the division si5",
        read=Release(
            {
                "multisigner": "annotations/manual/{split}.corpus.csv",
                "si5": "annotations/manual/{split}.SI5.corpus.csv",
            },
            COLUMNS,
            "Give the release folder (phoenix2014-release), the folder above it, or phoenix-2014-multisigner itself.",
            frames_of="phoenix-2014-multisigner",
        ).read,
        fps=25.0,
        profile="phoenix2014",
        first=0,
        unseen={"si5": "signers"},
        counts={
            "multisigner": {"train": 5672, "dev": 540, "test": 629},
            "si5": {"train": 4376, "dev": 111, "test": 180},
        },
        frames={"multisigner": {"train": 799_006, "dev": 75_186, "test": 89_472}},
    ),
    Corpus(
        name="phoenix2014t",
        title="RWTH-PHOENIX-Weather 2014 T: German weather forecasts with translations, 9 signers",
        layout="PHOENIX-2014-T/ with annotations/manual/PHOENIX-2014-T.train.corpus.csv and "
        "features/fullFrame-210x260px/train/<name>/*.png, or PHOENIX-2014-T-release-v3/ that contains it",
        read=Release(
            {OWN: "annotations/manual/PHOENIX-2014-T.{split}.corpus.csv"},
            ("name", "video", "speaker", "orth", "translation"),
            "Give the release folder (PHOENIX-2014-T-release-v3), the folder above it, or PHOENIX-2014-T itself.",
        ).read,
        fps=25.0,
        profile="phoenix2014t",
        first=1,
        counts={OWN: {"train": 7096, "dev": 519, "test": 642}},
        frames={OWN: {"train": 827_354, "dev": 55_775, "test": 64_627}},
    ),
)
