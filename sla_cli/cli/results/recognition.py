"""What commands from training to transcribing print with --json."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from sla_cli.core.annotation import Sign
from sla_cli.core.hypothesis import Glosses
from sla_cli.core.quantities import Amount, Count


class Emitted(Struct, kw_only=True):
    """Emissions of a split.

    Attributes:
        emissions: path of the file
        clips: number of clips
        steps: number of output steps of all clips
        dtype: data type of the log-probabilities on disk
    """

    emissions: Path
    clips: Count
    steps: Count
    dtype: Literal["float32", "float16"]


class Aligned(Struct, kw_only=True):
    """An alignment of a split.

    Attributes:
        alignment: path of the table
        clips: number of clips, including those left out
        glosses: number of glosses with a span
        left_out: by clip id, why its glosses have no span
        unknown: by gloss that the run does not know, and which has no span, its number in clips that are not left out
        ctm: Only with `--format ctm`: path of the file
        eaf: Only with `--format eaf`: paths of the ELAN files, one for each video
    """

    alignment: Path
    clips: Count
    glosses: Count
    left_out: dict[str, str]
    unknown: dict[str, Count]
    ctm: Path | UnsetType = UNSET
    eaf: list[Path] | UnsetType = UNSET


class Recording(Struct, kw_only=True):
    """A transcribed recording.

    Attributes:
        recording: path of the recording
        files: paths of the files that were written
        error: why it failed; null if it did not
        duration: duration of the recording in seconds; null if the recording was skipped or failed
        signs: signs in the order of time; null if the recording was skipped or failed
        made: how the signs were recognised, or null as `signs`. Always `sla` (its version), `run` (its folder's name,
            and the first 12 digits of the digest of its weights), `search`, `windows` and `pause`; `min_confidence`
            only if it is above 0; `warning` only if the recording is unlike the training data
    """

    recording: str
    files: tuple[Path, ...]
    error: str | None
    duration: Amount | None
    signs: tuple[Sign, ...] | None
    made: Mapping[str, str] | None


class Transcribed(Struct, kw_only=True):
    """If a recording was skipped because its files exist, its `signs` and `error` are null. If a recording failed, the
    exit code is 2.

    Attributes:
        recordings: one object for each recording; those that were not found come first
    """

    recordings: list[Recording]


class ElanInstalled(Struct, kw_only=True):
    """The recognisers in ELAN's folder of extensions.

    Attributes:
        folders: those that were written, or with `--uninstall` removed
        run: run or model that ELAN proposes; null with `--uninstall`
    """

    folders: list[Path]
    run: Path | None


class NextClip(Struct, kw_only=True):
    """A clip, or a sentence in a recording, that is to be annotated.

    Attributes:
        clip: id of the clip; of a sentence the path of its recording within the folder
        recording: path of the video or folder that it is in, of a clip within its corpus; empty if it is unknown
        start: where it begins in the recording, in seconds
        end: where it ends, in seconds
        signer: who signs; empty if unknown
        minutes: minutes of signing up to the end of this one, in the order of choice
        score: score of the strategy when this one was chosen; the higher, the sooner
        reason: why it was chosen
        hypothesis: glosses that the run recognises; of a clip empty if the strategy needs none
    """

    clip: str
    recording: str
    start: Amount
    end: Amount
    signer: str
    minutes: Amount
    score: float
    reason: str
    hypothesis: Glosses


class Next(Struct, kw_only=True):
    """What to annotate next.

    Attributes:
        strategy: name of the strategy
        budget: minutes as asked for
        minutes: minutes of signing that are chosen
        offered: number of clips or sentences to choose from
        chosen: in the order of choice
        table: path of the table that `-o` names; null without `-o`
    """

    strategy: str
    budget: Amount
    minutes: Amount
    offered: Count
    chosen: list[NextClip]
    table: Path | None
