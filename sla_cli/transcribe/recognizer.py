"""Recognises recordings with a trained run: opened once, then used for any number of videos."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from sla_cli import __version__
from sla_cli.align.align_clips import align_clip
from sla_cli.config.bounds import FASTEST, SLOWEST
from sla_cli.config.settings import Precision, TranscribeConfig
from sla_cli.core.annotation import Sentence, Sign, known, made_known, split_at_pauses
from sla_cli.core.arguments import as_number, as_path, as_texts, check_one_of
from sla_cli.core.calibration import Calibration
from sla_cli.core.clip import Source
from sla_cli.core.ctc import columns_of
from sla_cli.core.windows import Windows
from sla_cli.errors import SlaError, file_errors, some, visible
from sla_cli.lm.kenlm_model import check_oov
from sla_cli.log import log
from sla_cli.search.beam_decoder import BeamDecoder
from sla_cli.search.options import settle
from sla_cli.store.codec import reduction
from sla_cli.transcribe.compute import Computed, Report, compute_recording
from sla_cli.transcribe.find_recordings import name_of
from sla_cli.transcribe.inputs import as_log_probs, as_pictures, place_of
from sla_cli.transcribe.one_at_a_time import OneAtATime
from sla_cli.transcribe.open_runtime import open_runtime
from sla_cli.transcribe.recording import Recording, as_stored
from sla_cli.transcribe.runtime import Runtime, RuntimeName, stream_outputs
from sla_cli.transcribe.stream import Live, RecognitionStream, open_stream
from sla_cli.transcribe.transcript import Transcript
from sla_cli.work.emissions import Emission
from sla_cli.work.folder import Work
from sla_cli.work.model_folder import find_trained
from sla_cli.work.run_facts import FrameFormat

Seconds = Callable[[NDArray[np.int64]], NDArray[np.float64]]  # start times of frames, by their number


@dataclass(frozen=True, eq=False)  # each is equal to itself alone, and a key: `made` is a mapping, without a hash
class Recognizer:
    """The model of a run with its search. Use `open`, then `close`, or use it as a context manager.

    Threads may share it: it serves one call at a time, and the others wait. So a function or an iterator of frames that
    a call is given must not wait for another thread that calls the same recognizer: neither would end.

    Attributes:
        glosses: the vocabulary; glosses[i] has column i + 1 of log-probabilities, the blank column 0.
        frames: properties of the frames that it was trained on.
        windows: how long recordings are cut for the temporal head.
        made: how transcripts are made, recorded in each.
    """

    glosses: tuple[str, ...]
    frames: FrameFormat
    windows: Windows
    made: dict[str, str]
    _runtime: Runtime
    _reduce: int
    _decoder: BeamDecoder
    _calibration: Calibration
    _causal: bool
    _lock: OneAtATime = field(default_factory=OneAtATime, repr=False, compare=False)

    @classmethod
    @file_errors()
    def open(
        cls,
        run: Path | str,
        *,
        lm: Path | str | None = None,
        beam: int | None = None,
        alpha: float | None = None,
        beta: float | None = None,
        hotwords: Iterable[str] = (),
        hotword_weight: float | None = None,
        prune_logp: float | None = None,
        token_min_logp: float | None = None,
        runtime: RuntimeName = "torch",
        device: str = "auto",
        precision: Precision = "auto",
        weights: Path | str | None = None,
        work: Path | str | None = None,
    ) -> Self:
        """Load a run's best weights, and the language model.

        Where options of the search are None, those that `sla tune` chose for this run and language model are used, else
        the defaults of `sla decode`.

        Args:
            run: the folder of a finished run, or of a model.
            lm: gloss n-gram model, ARPA (also .gz) or KenLM binary; a file, or the name of one in the model or the
                work folder.
            beam: prefixes kept at each step; 1 without language model and hot words is greedy.
            alpha: weight of the language model.
            beta: with a language model, added to the score for each gloss, a natural logarithm. If only one of `alpha`
                and `beta` is given, the other one has its default.
            hotwords: glosses to prefer.
            hotword_weight: added to the score for each occurrence of one of them, a natural logarithm.
            prune_logp: prefixes that are this much worse than the best are dropped, a natural logarithm.
            token_min_logp: a gloss is not tried in a step where its log-probability is below this.
            runtime: torch, or onnx for a model with ONNX graphs: on the CPU, in their precision, without PyTorch.
            device: auto, cpu, cuda or cuda:N.
            precision: precision of the model; auto is that of training if the device supports it.
            weights: the backbone's weights, if the file has moved since training.
            work: the work folder in which the name of a language model is looked up; by default that of the run.

        Raises:
            SlaError: no such run, a damaged one, no such model, hot word or device, options that contradict each other,
                or arguments of other types.
        """
        source = find_trained(as_path(run, "run"))
        check_one_of(precision, "precision", get_args(Precision))
        check_one_of(runtime, "runtime", get_args(RuntimeName))
        if not source.facts.frames.fps:
            log.warning("the run does not know the frame rate of its training clips: all frames are used")
        backbone = None if weights is None else str(as_path(weights, "weights"))
        folder = Work(as_path(work, "work") if work is not None else source.path.resolve().parent.parent)
        given = {
            "lm": None if lm is None else folder.find_lm(as_path(lm, "lm"), source.own_lm(as_path(lm, "lm"))),
            "beam": beam,
            "alpha": alpha,
            "beta": beta,
            "hotwords": as_texts(hotwords, "hotwords", ordered=False),
            "hotword_weight": hotword_weight,
            "prune_logp": prune_logp,
            "token_min_logp": token_min_logp,
        }
        with source.as_one():
            weights_digest = source.weights_digest
            settled = settle(given, source.tunings, weights_digest)
            if settled.options.lm is not None:
                check_oov(settled.options.lm, source.glosses, settled.options.max_oov)
            computing = open_runtime(source, runtime, device, precision, backbone)
            windows = Windows.of(source.config.train, computing.stride)
            made = {"sla": __version__, "run": f"{source.name}, weights {weights_digest[:12]}", "search": str(settled)}
            made["windows"] = windows.described(source.facts.frames.fps)
            reduce = reduction(source.facts.frames.size, source.config.train.crop, source.config.model.image_size)
            return cls(
                source.glosses, source.facts.frames, windows, made, computing, reduce,
                BeamDecoder(source.glosses, settled.options), source.read_calibration(), source.config.head.causal,
            )  # fmt: skip

    @file_errors()
    def transcribe(
        self,
        video: Path | str | Source,
        *,
        fps: float | None = None,
        pause: float = TranscribeConfig.pause,
        min_confidence: float = TranscribeConfig.min_confidence,
        longest: float | None = None,
        advance: Report | None = None,
    ) -> Transcript:
        """Recognise the signs of one recording of any length, with times.

        Args:
            video: a video file or a folder of pictures; or the place of one, for example in an archive.
            fps: frames per second of a folder of pictures, required here or in its `Source`; a video has its own.
            pause: seconds without a sign that end a sentence.
            min_confidence: from 0 to 1; a sign whose confidence is lower has the gloss "?".
            longest: seconds; a longer recording is refused. By default each length is accepted.
            advance: called with the number of frames computed since the previous call, negative if they are computed
                again, and with their `total` if the header states it. What it raises ends the call.

        Returns:
            The signs with times in seconds of the recording, and the log-probabilities that they were read from.

        Raises:
            SlaError: it cannot be read; names the file. Or an argument of another type or out of bounds.
        """
        pause, min_confidence = as_number(pause, "pause", 0), as_number(min_confidence, "min_confidence", 0, 1)
        source = place_of(video)
        with self._lock:
            found = self._compute(source, fps, advance, longest)
            signs, score = self._signs(found.emission, found.clock.seconds, min_confidence)
        made = {
            **self.made,
            "pause": f"{pause:g} s without a sign end a sentence",
            **made_known(min_confidence),
        }
        return self._transcript(source, found, split_at_pauses(signs, pause), made, score)

    @file_errors()
    def align(
        self,
        video: Path | str | Source,
        glosses: Iterable[str],
        *,
        fps: float | None = None,
        advance: Report | None = None,
    ) -> Transcript:
        """Find where the glosses of a recording are that somebody has written down without times.

        Args:
            video, fps, advance: as for `transcribe`; a `Source` with start and end is a part of a recording.
            glosses: what is signed in it, in order, as the vocabulary spells them; at least one.

        Returns:
            The same glosses as one sentence, with times in seconds of the recording and the confidence of each.

        Raises:
            SlaError: as `transcribe`; or no gloss, one that the run does not know, or more than there is room for.
        """
        if not (wanted := as_texts(glosses, "glosses")):
            raise SlaError("glosses holds no gloss", "Give at least one.")
        if unknown := sorted({gloss or "''" for gloss in wanted if gloss not in self.glosses}):
            raise SlaError(f"the run does not know {some(unknown)}", "Leave these glosses out.")
        source = place_of(video)
        with self._lock:
            found = self._compute(source, fps, advance, None)
        clip = align_clip(found.emission, wanted, columns_of(self.glosses), self._runtime.stride, self._calibration)
        if clip.note:
            raise SlaError(f"{source.root / source.path} cannot be aligned: {clip.note}")
        times = found.clock.seconds(np.array(clip.spans, np.int64)).tolist()
        signs = tuple(
            Sign(one.gloss, start, end, one.confidence) for one, (start, end) in zip(clip.placed, times, strict=True)
        )
        made = {name: text for name, text in self.made.items() if name != "search"}
        return self._transcript(source, found, (Sentence(signs),), made | {"glosses": "as given"})

    def stream(
        self,
        *,
        lookahead: float | None = None,
        hop: float = 0.2,
        pause: float = TranscribeConfig.pause,
        min_confidence: float = TranscribeConfig.min_confidence,
    ) -> RecognitionStream:
        """Recognise signs while somebody signs. Several streams may be open.

        Args:
            lookahead: seconds that the head sees after a moment before what it says of it is final. By default 0.6,
                and 0 for a head that sees no later frames (`head.causal`). More than its window has no effect.
            hop: seconds of new frames after which it computes.
            pause, min_confidence: as for `transcribe`.

        Raises:
            SlaError: an argument out of bounds, a run that does not know the frame rate of its training clips, or a
                search that cannot grow.
        """
        live = Live(
            self._runtime, self._lock, self.frames, self._reduce, self.glosses, self._calibration,
            self._decoder.begin, self.windows, self._causal,
        )  # fmt: skip
        return open_stream(live, lookahead, hop, pause, min_confidence)

    def signs(
        self,
        log_probs: NDArray[np.floating],
        *,
        fps: float | None = None,
        min_confidence: float = TranscribeConfig.min_confidence,
    ) -> tuple[Sign, ...]:
        """The signs in log-probabilities, by the search that the recognizer was opened with.

        Times are those of the search; `transcribe` and `sla decode` correct them by what single frames show.

        Args:
            log_probs: natural log, (steps, glosses + 1), column 0 is the blank, as from `log_probs`.
            fps: frames per second of the pictures; by default those that the run was trained on.
            min_confidence: as for `transcribe`.

        Returns:
            With times in seconds from the first picture.

        Raises:
            SlaError: another shape or type, values that are no log-probabilities, or a frame rate that is unknown.
        """
        values = as_log_probs(log_probs, len(self.glosses) + 1)
        if fps is None and not self.frames.fps:
            raise SlaError("the run does not know the frame rate of its training clips", "Give fps.")
        rate = as_number(self.frames.fps if fps is None else fps, "fps", SLOWEST, FASTEST)
        min_confidence = as_number(min_confidence, "min_confidence", 0, 1)
        emission = Emission("log_probs", values, len(values) * self._runtime.stride, rate)
        with self._lock:
            return tuple(self._signs(emission, lambda frames: frames / rate, min_confidence)[0])

    def log_probs(self, frames: Iterable[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Natural-log probabilities of pictures, for your own search or alignment.

        Args:
            frames: RGB uint8 (height, width, 3) each, of any size, at the frame rate that the run was trained on
                (`frames.fps`).

        Returns:
            float32 (steps, glosses + 1), column 0 is the blank.

        Raises:
            SlaError: there is no picture, or one of another shape or type; or the model gave NaN.
        """
        bgr = (cv2.cvtColor(frame, cv2.COLOR_RGB2BGR) for frame in as_pictures(frames))
        pictures = (as_stored(frame, self.frames, self._reduce) for frame in bgr)
        with self._lock:
            return stream_outputs(self._runtime, pictures, self.windows, "the pictures").log_probs

    def close(self) -> None:
        """Free what the search holds beside Python's objects; these go with the last reference to them."""
        self._decoder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _signs(self, emission: Emission, seconds: Seconds, min_confidence: float) -> tuple[list[Sign], float]:
        """The signs of the best hypothesis, and its score."""
        found = self._decoder.decode(emission.log_probs)
        columns = columns_of(self.glosses)
        places = emission.places([columns[gloss] for gloss in found.glosses], found.spans, self._runtime.stride)
        times = seconds(np.array(places, np.int64).reshape(-1, 2)).tolist()
        confidences = self._calibration(found.confidence)
        signs = [
            Sign(known(gloss, confidence, min_confidence), start, end, confidence)
            for gloss, (start, end), confidence in zip(found.glosses, times, confidences, strict=True)
        ]
        return signs, found.score

    def _transcript(
        self, source: Source, found: Computed, sentences: tuple[Sentence, ...], made: dict[str, str], score: float = 0.0
    ) -> Transcript:
        file = source.root / source.path
        return Transcript(
            name=visible(name_of(source)),  # of the files' content
            media=file.absolute() if source.path and file.is_file() else None,  # the path is "" for an archive
            duration=found.clock.duration,
            sentences=sentences,
            made=made | ({"warning": found.warning} if found.warning else {}),
            glosses=self.glosses,
            log_probs=found.emission.log_probs,
            step_times=found.step_times(self._runtime.stride),
            score=score,
            warning=found.warning,
        )

    def _compute(self, source: Source, fps: float | None, advance: Report | None, longest: float | None) -> Computed:
        fps = source.fps if fps is None else as_number(fps, "fps", SLOWEST, FASTEST)
        longest = None if longest is None else as_number(longest, "longest", 0)
        recording = partial(Recording, source, self.frames, fps=fps, reduce=self._reduce, longest=longest)
        return compute_recording(self._runtime, self.windows, recording, advance)
