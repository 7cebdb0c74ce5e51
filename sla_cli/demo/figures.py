"""What the demo reached, as `sla demo` prints it, with --json or in words."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from sla_cli.core.counted import counted
from sla_cli.core.quantities import Amount, Count
from sla_cli.work.comparison_figures import ComparisonFigures

NEXT = (
    "sla demo --keep demo  # keeps corpus, store, run, emissions and scores",
    "sla prep phoenix2014 /path/to/phoenix2014-release",
    "sla train --variant adapter  # CLIP ViT-B/16; needs a GPU",
    "sla lm estimate  # a gloss trigram of the corpus",
    "sla decode --lm gloss.arpa",
    "sla score",
    "sla transcribe video.mp4 -o video.eaf  # glosses with times for any recording",
)


class UnseenVideo(Struct, kw_only=True, frozen=True):
    """The transcript of a video that the model has not seen.

    Attributes:
        signed: glosses that are signed
        read: glosses that the model recognised
        inside: of the correct glosses, the share whose middle lies in the sign, in percent; null if none is correct
        duration: duration of the video in seconds
        files: paths of the page and of the ELAN file
        true: path of the ELAN file with what is signed, and when
    """

    signed: tuple[str, ...]
    read: tuple[str, ...]
    inside: Amount | None
    duration: Amount
    files: tuple[Path, Path]
    true: Path


class DemoFigures(Struct, kw_only=True, frozen=True):
    """What the demo reached.

    Attributes:
        wer: word error rate on test without the language model, in percent
        wer_lm: word error rate on test with the language model, in percent
        gain: result of `sla compare` for the two
        dev_wer: word error rate of the best epoch on dev, in percent
        clips: number of test clips
        page: path of the page
        transcript: transcript of a video that the model has not seen
        kept: path of the folder with all files; null without `--keep`
        seconds: duration of the demo in seconds
    """

    wer: Amount
    wer_lm: Amount
    gain: ComparisonFigures
    dev_wer: Amount
    clips: Count
    page: Path
    transcript: UnseenVideo
    kept: Path | None
    seconds: Amount

    def text(self) -> str:
        """For people."""
        kept = f"All files are in {self.kept}.\n" if self.kept else ""
        rates, difference = gain_text(self.gain)
        steps = "\n".join(f"  {step}" for step in NEXT[1 if self.kept else 0 :])
        video = self.transcript
        right = video.inside
        inside = f"  {right:.0f} % of the correct glosses lie in their sign\n" if right is not None else ""
        return (
            f"{rates}\n{difference}\n"
            f"(synthetic signing, {counted(self.clips, 'unseen sentence')}, {self.seconds:.0f} s)\n"
            f"Look at {self.page}\n\n"
            f"A recording that it has not seen, with pauses, {video.duration:.1f} s:\n"
            f"  signed  {' '.join(video.signed)}\n"
            f"  read    {' '.join(video.read)}\n"
            f"{inside}"
            f"Watch {video.files[0]}, or open {video.files[1]} in ELAN; {video.true.name} is the truth.\n"
            f"{kept}\nNext:\n{steps}"
        )


def gain_text(gain: ComparisonFigures) -> tuple[str, str]:
    """Both word error rates, and their difference with its interval."""
    span = gain.interval
    between = f", {span.level:g} % interval {span.low:+.2f} to {span.high:+.2f}" if span else ""
    return (
        f"test WER {gain.a.wer:.2f} % without a language model, {gain.b.wer:.2f} % with a gloss bigram",
        f"difference {gain.difference:+.2f} points{between}. {gain.verdict}",
    )
