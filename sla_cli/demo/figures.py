"""The figures of the demo, as `sla demo` prints them with --json."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from sla_cli.core.quantities import Amount, Count
from sla_cli.work.comparison_figures import ComparisonFigures


class UnseenVideo(Struct, kw_only=True, frozen=True):
    """The transcript of a video that the model has not seen.

    Attributes:
        signed: glosses that are signed
        read: glosses that the model recognised
        files: paths of the page and of the ELAN file
    """

    signed: tuple[str, ...]
    read: tuple[str, ...]
    files: tuple[Path, Path]


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
