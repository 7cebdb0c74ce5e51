"""The folder that pages of the documentation use: a run with its work folder, a video, a corpus, tables."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from elan_files import Eaf
from movies import movie
from recordings import copy_run, images_of
from tiny_work import sla

LOSSLESS = ("-crf", "0", "-pix_fmt", "yuv444p")
SENTENCES = {
    "monday": "NORD REGEN",
    "tuesday": "SONNE GRAD",
    "thursday": "NORD",
    "friday": "GRAD NORD",
    "sunday": "REGEN SONNE",
}


def make_world(folder: Path, phoenix_tree: Callable[..., Path]) -> None:
    """Fill a folder; `phoenix_tree` is the fixture."""
    copy_run(folder)
    work = (folder / "old").rename(folder / "sla-work")
    for kind in ("runs", "hypotheses", "emissions"):
        (work / kind / "adapter").rename(work / kind / "adapter-1")
    shutil.copy(work / "gloss.arpa", folder / "gloss.arpa")
    _two_scores(folder, work)
    (folder / "hyp.ctm").write_text("a 1 0.00 0.40 NORD\na 1 0.40 0.40 REGEN\n", encoding="utf-8")
    (folder / "dev.stm").write_text("a 1 anna 0.00 2.00 NORD REGEN\n", encoding="utf-8")
    (folder / "dev.txt").write_text("NORD REGEN\nGRAD SONNE\n", encoding="utf-8")
    movie(folder / "video.mp4", images_of("NORD REGEN"), *LOSSLESS)
    (folder / "recordings").mkdir()
    shutil.copy(folder / "video.mp4", folder / "recordings" / "monday.mp4")
    (folder / "annotations").mkdir()
    for path in (folder / "annotated.eaf", folder / "annotations" / "monday.eaf"):
        path.write_text(_annotated(), encoding="utf-8")
    phoenix_tree(folder / "phoenix2014-release")
    _own_recordings(folder / "my-recordings")


def _two_scores(folder: Path, work: Path) -> None:
    """Hypotheses without and with the language model, and the scores A and B of them."""
    emissions = str(work / "emissions" / "adapter-1" / "dev.h5")
    for name, options in (("without-lm", ()), ("with-lm", ("--lm", str(folder / "gloss.arpa")))):
        sla("decode", emissions, *options, "-o", str(folder / f"{name}.tsv"))
    shutil.rmtree(work / "scores")
    for score, name in (("A", "without-lm"), ("B", "with-lm")):
        before = set((work / "scores").glob("*"))
        sla("score", str(folder / f"{name}.tsv"), "--work", str(work))
        (made,) = set((work / "scores").iterdir()) - before
        made.rename(work / "scores" / score)


def _annotated() -> str:
    eaf = Eaf()
    eaf.mark(eaf.tier("GlossR"), 0, 400, "NORD")
    return eaf.xml()


def _own_recordings(folder: Path) -> None:
    folder.mkdir()
    rows = ["video\tgloss\tsigner"]
    for number, (day, sentence) in enumerate(SENTENCES.items()):
        movie(folder / f"{day}.mp4", images_of(sentence, seed=number))
        rows.append(f"{day}.mp4\t{sentence}\tsigner{number}")
    (folder / "clips.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
