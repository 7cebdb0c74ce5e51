"""Alignments as ELAN files: one for each source video, with its clips at their times in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from sla_cli.annotation.formats import annotation_like, annotation_text
from sla_cli.annotation.layout import Layout
from sla_cli.artifact.receipt import read_receipt
from sla_cli.core.aligned_clip import AlignedClip
from sla_cli.core.annotation import Annotation, Sentence, Sign
from sla_cli.core.clip import MEDIA, split_origin
from sla_cli.core.counted import counted
from sla_cli.errors import SlaError, some
from sla_cli.log import log
from sla_cli.store.clips import Split
from sla_cli.system.atomic import write_text
from sla_cli.work.output import check_output

LAYOUT = Layout(tier="SIGN", sentences=True, confidence=True)


@dataclass(frozen=True)
class _Placed:
    """A clip in its video.

    Attributes:
        media: the video, None if the source is not a video or is missing.
        start: start of the clip in the video, in seconds.
    """

    clip: AlignedClip
    media: Path | None
    start: float

    @property
    def end(self) -> float:
        return self.start + self.clip.frames / self.clip.fps

    @property
    def sentence(self) -> tuple[Sentence, ...]:
        times = (
            (self.start + start / self.clip.fps, self.start + end / self.clip.fps) for start, end in self.clip.spans
        )
        placed = zip(self.clip.placed, times, strict=True)
        signs = tuple(Sign(one.gloss, start, end, one.confidence) for one, (start, end) in placed)
        return (Sentence(signs),) if signs else ()


def write_elan(
    folder: Path,
    clips: Sequence[AlignedClip],
    split: Split,
    made: dict[str, str],
    layout: Layout = LAYOUT,
    *,
    replace: bool = False,
) -> list[Path]:
    """Write an EAF file for each video that clips are cut from, or one for each clip that has no video.

    Args:
        split: the split of the clips; the receipt of its store records where the corpus was.
        made: how the alignment was made, to be written into the files.
        replace: replace ELAN files of these names that are as sla wrote them.

    Returns:
        The files.

    Raises:
        SlaError: a clip without frame rate, a gloss that XML cannot hold, or a file of this name that is there without
            `replace`, or is somebody's work. Nothing is written then.
    """
    if untimed := [clip.id for clip in clips if not clip.fps]:
        raise SlaError(
            f"no frame rate is known for {counted(len(untimed), 'clip')}, so seconds are not known: {some(untimed)}",
            "Write the table, which has video frames.",
        )
    placed = list(_place(clips, split))
    if absent := [one.clip.id for one in placed if one.media is None]:
        log.warning(
            "%s no video file, or it has moved, or a merged store does not know where it is; each gets an "
            "ELAN file without a video: %s",
            counted(len(absent), "clip has", "clips have"),
            some(absent),
        )
    groups = list(_groups(placed))
    names = _names([_title(group) for group in groups])
    written = [folder / f"{name}.eaf" for name in names]
    checks = [check_output(path, annotation_like("eaf"), replace=replace) for path in written]
    for path, group, check in zip(written, groups, checks, strict=True):
        sentences = tuple(sentence for one in group for sentence in one.sentence)
        duration = max(one.end for one in group)
        annotation = Annotation(path.stem, group[0].media, duration, sentences, made)
        write_text(path, annotation_text("eaf", annotation, layout, path.parent), check=check)
    return written


def _place(clips: Iterable[AlignedClip], split: Split) -> Iterator[_Placed]:
    receipt = read_receipt(split.store)
    places = receipt.sources if receipt is not None else {}
    root, outside = places.get("source", ""), places.get("media", "")
    origins = dict(zip(split.ids, split.sources, strict=True))
    for clip in clips:
        path, start, _ = split_origin(origins[clip.id])
        base, path = (outside, path.removeprefix(MEDIA)) if path.startswith(MEDIA) else (root, path)
        media = Path(base, path) if base and path else None
        if media is not None and media.is_file():
            yield _Placed(clip, media, start or 0.0)
        else:
            yield _Placed(clip, None, 0.0)


def _groups(placed: Sequence[_Placed]) -> Iterator[list[_Placed]]:
    """Clips of one file, in order of time. A clip that overlaps an earlier one gets a separate file."""
    by_video: dict[Path, list[_Placed]] = defaultdict(list)
    for one in placed:
        if one.media is None:
            yield [one]
        else:
            by_video[one.media].append(one)
    for parts in by_video.values():
        group: list[_Placed] = []
        alone: list[_Placed] = []
        for one in sorted(parts, key=lambda part: part.start):
            over = group and one.start < group[-1].end - 1 / one.clip.fps  # ends are rounded to frames
            (alone if over else group).append(one)
        yield group
        yield from ([one] for one in alone)


def _title(group: Sequence[_Placed]) -> str:
    """A file's name without its ending."""
    media = group[0].media
    return group[0].clip.id if media is None else media.stem


def _names(titles: Sequence[str]) -> list[str]:
    """Titles that can name files, numbered if they occur more than once: also in capitals, which some disks ignore."""
    names: dict[str, str] = {}  # by their small letters
    for title in titles:
        name = "".join(char if char.isprintable() and char not in '/\\:*?"<>|' else "_" for char in title)
        name = name.lstrip(".") or "_"  # never hidden
        free = (f"{name}-{number}" if number > 1 else name for number in count(1))
        new = next(one for one in free if one.casefold() not in names)
        names[new.casefold()] = new
    return list(names.values())
