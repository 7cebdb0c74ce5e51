"""Finds the recording that belongs to an annotation file."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from sla_cli.annotation.formats import can_read
from sla_cli.annotation.tier import AnnotationFile, MediaLink, origin_in
from sla_cli.core.alike import Alike, in_one_form, plain_name
from sla_cli.core.clip import Source
from sla_cli.core.endings import VIDEOS, is_image, is_video
from sla_cli.errors import ReadError
from sla_cli.log import log
from sla_cli.prep.tables.locate import is_folder, join, parent_of
from sla_cli.prep.tables.media import MediaFolder
from sla_cli.video.tree import Folder, Tree


@dataclass(frozen=True)
class Recording:
    """A recording.

    Attributes:
        origin: position in the recording, in milliseconds, at which the annotation's timeline begins.
        missing: the names that were searched, if it was not found; `source` is then where it should be.
    """

    source: Source
    origin: int = 0
    missing: str = ""


@dataclass
class Recordings:
    """Finds recordings of annotation files: by relative link, by absolute link, next to the file, and below --media.

    Attributes:
        tree: the tree of the annotation files; links to outside of it are followed only on disk, never from an archive.
        video: name or pattern of the wanted video, if a file links several.
        several: files that link several videos, each with a person, or "", and the name of the video that is used for
            it and those of the others.
        unlike: files that link another video than the one with their own name, which is there too: both names.
    """

    tree: Tree
    media: MediaFolder | None = None
    video: str = ""
    several: dict[tuple[str, str], tuple[str, list[str]]] = field(default_factory=dict)
    unlike: dict[str, tuple[str, str]] = field(default_factory=dict)
    _listed: dict[str, Alike] = field(default_factory=dict)

    def of(self, path: str, file: AnnotationFile, person: str = "") -> Recording:
        """The recording of a person in an annotation file, which is at `path` in the tree."""
        link = self._link(path, file.links, person)
        stem, links = PurePosixPath(path).stem, [*([link] if link else []), *file.links]  # of one name, the wanted one
        linked = link.names if link else []
        urls = list(dict.fromkeys(filter(None, (link.relative, link.absolute)))) if link else []
        beside = [stem + ending for ending in VIDEOS] + [stem]
        if self.video:  # the video with the name of the file may be another camera
            beside = list(filter(self._is_wanted, beside))
        folder = self.tree.root / parent_of(path) if isinstance(self.tree, Folder) else None
        for source in self._places(path, link, urls, beside):
            self._compare_names(path, source, file.links)
            return Recording(source, origin_in(links, source.root / source.path, folder))
        expected = join(parent_of(path), linked[0] if linked else f"{stem}.mp4")
        below = f" and below {self.media.tree.where('')}" if self.media else ""
        others = [one.names[0] for one in file.links if one.names and not one.sound]  # which --video leaves out
        looked = ", ".join([*(name[:200] for name in urls or others), f"{stem}.*"])
        if self.video:
            looked += f", of which none matches --video {self.video!r}" * (not urls)
        origin = origin_in(links, Path(expected))
        return Recording(Source(self.tree.root, expected), origin, f"looked for {looked}{below}")

    def _is_wanted(self, name: str, form: Callable[[str], str] = plain_name) -> bool:
        """Whether `video` is this name, or a pattern for it, with * and ? as for tiers."""
        return fnmatchcase(form(name), form(self.video).replace("[", "[[]"))

    def _compare_names(self, path: str, source: Source, links: Sequence[MediaLink]) -> None:
        """Note a file whose own name leads to a video that it does not link: was it copied from another one's file?"""
        own = self._beside(parent_of(path)).find(*(PurePosixPath(path).stem + ending for ending in VIDEOS))
        known = {PurePosixPath(source.path).name, *(name for link in links for name in link.names)}
        if own and not self.video and plain_name(own) not in map(plain_name, known):
            self.unlike[path] = PurePosixPath(source.path).name, own

    def _places(self, path: str, link: MediaLink | None, urls: Sequence[str], own: Sequence[str]) -> Iterator[Source]:
        """Possible places, in order of precedence; a link may lead to a file that is no video.

        Args:
            urls: those of the link.
            own: names that it may have next to the annotation file, by the file's own name.
        """
        folder = parent_of(path)
        at_links = [self._at(folder, path) for path in (link.paths if link else ())]
        there = self._beside(folder)
        linked = link.names if link else ()
        converted = [PurePosixPath(name).stem + ending for name in linked for ending in VIDEOS]
        names = (*there.find_all(*linked, *converted), *self._of_no_other(there, path, own))
        beside = [self._inside(join(folder, name)) for name in names]
        yield from sorted(filter(None, (*at_links, *beside)), key=self._is_doubtful)
        if self.media and (found := self.media.find(*urls, *([] if self.video else [path]))):
            yield found

    def _of_no_other(self, there: Alike, path: str, own: Sequence[str]) -> Iterator[str]:
        """The names that mean the recording of a file, without that of a file whose name differs in its form only."""
        this = PurePosixPath(path)
        for name in there.find_all(*own):
            if there.find(PurePosixPath(name).stem + this.suffix) in (None, this.name):
                yield name

    def _beside(self, folder: str) -> Alike:
        """Names in a folder of the tree."""
        if folder not in self._listed:
            self._listed[folder] = Alike(self.tree.names(folder))
        return self._listed[folder]

    def _is_doubtful(self, source: Source) -> bool:
        """Whether it is a file without the ending of a video."""
        tree = self.tree if source.root == self.tree.root else Folder(source.root)
        return not is_video(source.path) and not is_folder(tree, source.path)

    def _inside(self, path: str) -> Source | None:
        return Source(self.tree.root, path) if _is_recording(self.tree, path) else None

    def _at(self, folder: str, url: str) -> Source | None:
        """The target of a link, inside the tree or, from a folder on disk, outside."""
        if url.startswith("/"):
            return self._on_disk(Path(url))
        inside = os.path.normpath(join(folder, url))
        if inside.split("/")[0] != "..":
            return self._inside(inside)
        return self._on_disk(self.tree.root / inside)

    def _on_disk(self, place: Path) -> Source | None:
        if not isinstance(self.tree, Folder):
            return None
        place = Path(os.path.normpath(place))
        if place.is_relative_to(self.tree.root):
            return self._inside(place.relative_to(self.tree.root).as_posix())
        return Source(place.parent, place.name) if _is_recording(Folder(place.parent), place.name) else None

    def _link(self, path: str, links: Sequence[MediaLink], person: str) -> MediaLink | None:
        """The first linked video; one whose name contains the person comes first."""
        videos = [link for link in links if not link.sound and link.names]
        if self.video:  # first as it is written, as for tiers
            found = (
                [link for link in videos if any(self._is_wanted(name, form) for name in link.names)]
                for form in (in_one_form, plain_name)
            )
            videos = next(filter(None, found), [])
        own = [link for link in videos if _names_person(link, person)]
        chosen = next(iter(own or videos), None)
        if chosen and len(videos) > 1:
            others = [link.names[0] for link in videos if link is not chosen]
            self.several[path, person] = chosen.names[0], others
        return chosen


def _is_recording(tree: Tree, path: str) -> bool:
    """Whether there is a recording; a folder counts if it has images. If this cannot be determined now, the error is
    reported when it is read. Names in links may be longer than a disk allows."""
    try:
        if tree.is_dir(path):
            return any(map(is_image, tree.names(path)))
        return tree.is_file(path) and not can_read(path)
    except ReadError:
        return True
    except OSError as error:
        log.debug("%s: %s", tree.where(path)[:200], error.strerror)
        return False


def _names_person(link: MediaLink, person: str) -> bool:
    """Whether the person is a part of the video's name: `rec_A.mp4`, or `rec_S-01.mp4` for `S-01`."""
    parts, wanted = (_words(text) for text in (PurePosixPath(link.names[0]).stem, person))
    starts = range(len(parts) - len(wanted) + 1) if wanted else ()
    return any(parts[start : start + len(wanted)] == wanted for start in starts)


def _words(name: str) -> list[str]:
    return list(filter(None, re.split(r"[\W_]+", plain_name(name))))
