"""The result of transcription: signs with times, the probabilities behind them, and a way to save them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sla_cli.annotation.formats import FORMATS, annotation_like, annotation_text, kind_of, suffix_of
from sla_cli.annotation.layout import DEFAULT, Layout
from sla_cli.core.annotation import Sign, checked_signs
from sla_cli.core.arguments import as_flag, as_path, check_types
from sla_cli.errors import SlaError, file_errors
from sla_cli.pages.template import page_like
from sla_cli.system.atomic import write_text
from sla_cli.transcribe.inputs import checked_recognition
from sla_cli.transcribe.recognition import Recognition
from sla_cli.transcribe.transcript_page import transcript_page
from sla_cli.work.like import Like
from sla_cli.work.output import check_output

PAGE, PAGE_SUFFIX = "html", ".html"
UNNAMED = "transcript"  # name on a page without its video
ON_THE_PAGE = ("eaf", "vtt", "srt")  # files that can be downloaded from the page


@dataclass(frozen=True, eq=False)
class Transcript(Recognition):
    """The signs of one recording, with probabilities, and a way to save them; `Recognition` has the attributes."""

    @file_errors()
    def save(
        self,
        path: Path | str,
        *,
        layout: Layout = DEFAULT,
        force: bool = False,
        link_video: bool = True,
        reference: Sequence[Sign] = (),
    ) -> None:
        """Write a file of the kind given by its extension: .eaf, .vtt, .srt, .json, .csv, .ctm, .TextGrid or .html.

        Args:
            path: the file; its folder is made where it is not there.
            layout: names of tiers, and what a subtitle shows.
            force: replace a file that exists.
            link_video: whether a page plays and names the video: it shows a person, and its name may be that of one.
            reference: what is signed and when, if it is known, in any order; a page shows it below the signs.

        Raises:
            SlaError: arguments of other types, an unknown extension, `link_video=False` or a `reference` for another
                file than a page, a file that exists or cannot be written, or a gloss or name that it cannot hold.
        """
        path = as_path(path, "path")
        force, link_video = as_flag(force, "force"), as_flag(link_video, "link_video")
        reference = tuple(reference) if isinstance(reference, Iterator) else reference
        check_types([layout], "layout", Layout)
        check_types(reference, "reference", Sign)
        checked = checked_recognition(self)
        signs = sorted(checked_signs(tuple(reference)), key=lambda sign: (sign.start, sign.end))
        kind = kind_named(path)
        if not link_video and kind != PAGE:
            hint = "Leave it out; dataclasses.replace(result, media=None) makes one whose ELAN file names no video."
            raise SlaError(f"link_video=False has no effect on {path}, which is no page", hint)
        if signs and kind != PAGE:
            raise SlaError(f"reference has no effect on {path}, which is no page", "Leave it out; only pages show it.")
        check = check_output(path, like_of(kind), replace=force)
        text = text_of(kind, checked, path, layout, link_video=link_video, reference=signs)
        write_text(path, text, check=check, keep=kind != "eaf")


def text_of(
    kind: str,
    found: Recognition,
    path: Path,
    layout: Layout = DEFAULT,
    *,
    link_video: bool = True,
    reference: Sequence[Sign] = (),
) -> str:
    """The content of a file of a kind that will be at `path`; other arguments and errors as of `Transcript.save`."""
    if kind != PAGE:
        return annotation_text(kind, found, layout, path.parent)
    # Also the files that the page holds are without the video.
    shown = found if link_video else replace(found, media=None, name=UNNAMED)
    files = {
        f"{shown.name}{suffix_of(kind)}": annotation_text(kind, shown, layout, path.parent) for kind in ON_THE_PAGE
    }
    left_out = found.media is not None and not link_video
    return transcript_page(path, shown, files, reference=reference, left_out=left_out)


def kind_named(path: Path) -> str:
    """The kind of file for an extension, including pages. Raises SlaError if there is none."""
    return PAGE if path.suffix.lower() == PAGE_SUFFIX else kind_of(path, (PAGE_SUFFIX,))


def options_of(kind: str) -> set[str]:
    """The fields of Layout that change a file of a kind in FORMATS, or a page."""
    return {option for one in (ON_THE_PAGE if kind == PAGE else (kind,)) for option in FORMATS[one].options}


def like_of(kind: str) -> Like:
    """Files of a kind that a new one may replace."""
    return page_like("transcript of sla", "sla transcribe") if kind == PAGE else annotation_like(kind)


def ending_of(kind: str) -> str:
    """The file extension of a kind, with the dot."""
    return PAGE_SUFFIX if kind == PAGE else suffix_of(kind)
