"""`sla demo`: a synthetic corpus through all stages, by the same functions that the commands call."""

from __future__ import annotations

import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from sla_cli.config.settings import resolve
from sla_cli.core.comparison import Comparison, verdict
from sla_cli.core.counted import counted
from sla_cli.decode.decode_file import decode_file
from sla_cli.demo.corpus import draw_corpus
from sla_cli.demo.figures import DemoFigures, UnseenVideo
from sla_cli.demo.grammar import draw_sentences
from sla_cli.demo.movie import draw_movie
from sla_cli.emit.emit import emit
from sla_cli.errors import SlaError, Stopped
from sla_cli.lm.estimate_file import estimate_file
from sla_cli.log import log, progress
from sla_cli.model.distributed import ProcessGroup
from sla_cli.prep.begun import Begun
from sla_cli.prep.build import build_store
from sla_cli.prep.encoding.process_pool import ProcessPool
from sla_cli.prep.request import PrepRequest
from sla_cli.report.page import write_page
from sla_cli.report.system import load_systems
from sla_cli.score.compare import against_first
from sla_cli.score.score_file import score_file
from sla_cli.search.beam_decoder import BeamOptions
from sla_cli.search.options import Settled
from sla_cli.store.store import Store
from sla_cli.system.workers import signals, usable_cores
from sla_cli.train.train_run import start_run
from sla_cli.transcribe.recognizer import Recognizer
from sla_cli.transcribe.transcript import Transcript
from sla_cli.work.comparison_figures import comparison_figures
from sla_cli.work.folder import Work
from sla_cli.work.run import Run

CLIPS = {"train": 200, "dev": 24, "test": 200}  # with fewer test clips the gain of the bigram would be random
LM = "gloss.arpa"
NAMES = ("without language model", "with gloss bigram")
UNSEEN = 3  # number of sentences; the longest is the video that is transcribed
ENDING = signals("SIGTERM", "SIGHUP")  # the second is sent if the terminal is closed
SIZE = 128  # pixels; enough for the tiny preset and for the page
NEXT = (
    "sla demo --keep demo  # keeps corpus, store, run, emissions and scores",
    "sla prep phoenix2014 /path/to/phoenix2014-release",
    "sla train --variant adapter  # CLIP ViT-B/16; needs a GPU",
    "sla lm estimate  # a gloss trigram of the corpus",
    "sla decode --lm gloss.arpa",
    "sla score",
    "sla transcribe video.mp4 -o video.eaf  # glosses with times for any recording",
)


@dataclass(frozen=True)
class DemoResult:
    """The results of the demo, and the path of its page.

    Attributes:
        gain: comparison on test, without and with the language model.
        dev_wer: dev WER of the best epoch, in percent.
        clips: number of test clips.
        signed: the sentence of the video, which is in no clip.
        transcript: the signs that were recognised in it.
        files: the page and the ELAN file of the transcript.
        wer, wer_lm: in percent, without and with the language model.
    """

    gain: Comparison
    dev_wer: float
    clips: int
    page: Path
    signed: tuple[str, ...]
    transcript: Transcript
    files: tuple[Path, Path]
    kept: Path | None
    seconds: float

    @property
    def wer(self) -> float:
        return self.gain.first.total.wer

    @property
    def wer_lm(self) -> float:
        return self.gain.second.total.wer

    def text(self) -> str:
        kept = f"All files are in {self.kept}.\n" if self.kept else ""
        rates, difference = _figures(self.gain)
        steps = "\n".join(f"  {step}" for step in NEXT[1 if self.kept else 0 :])
        return (
            f"{rates}\n{difference}\n"
            f"(synthetic signing, {counted(self.clips, 'unseen sentence')}, {self.seconds:.0f} s)\n"
            f"Look at {self.page}\n\n"
            f"A video that it has not seen, {self.transcript.duration:.1f} s:\n"
            f"  signed  {' '.join(self.signed)}\n"
            f"  read    {' '.join(sign.gloss for sign in self.transcript.signs)}\n"
            f"Watch {self.files[0]}, or open {self.files[1]} in ELAN.\n{kept}\nNext:\n{steps}"
        )

    @property
    def figures(self) -> DemoFigures:
        """For JSON."""
        read = tuple(sign.gloss for sign in self.transcript.signs)
        return DemoFigures(
            wer=self.wer,
            wer_lm=self.wer_lm,
            gain=comparison_figures(self.gain),
            dev_wer=self.dev_wer,
            clips=self.clips,
            page=self.page,
            transcript=UnseenVideo(signed=self.signed, read=read, files=self.files),
            kept=self.kept,
            seconds=round(self.seconds, 1),
        )


def run_demo(
    keep: Path | None = None,
    *,
    seed: int = 0,
    jobs: int = 0,
    clips: Mapping[str, int] = CLIPS,
    epochs: int | None = None,
) -> DemoResult:
    """Draw, prep, train, decode, score and transcribe.

    Only the pages, the video and its ELAN file are kept, unless `keep` names a folder.

    Args:
        jobs: processes; 0 uses all usable cores.
        clips: number of clips for train, dev and test.
        epochs: None uses the number in the preset.

    Raises:
        SlaError: `keep` exists and is not empty.
        Stopped: by SIGTERM or SIGHUP.
    """
    begun = time.monotonic()
    if keep is not None:
        if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
            raise SlaError(f"{keep} exists and is not empty", "Name a new folder for --keep.")
        try:
            keep.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SlaError(f"cannot make the folder {keep}: {error.strerror}", "Name another for --keep.") from error
    with (
        _ended_by_signals(),
        tempfile.TemporaryDirectory(prefix="sla-demo-") if keep is None else nullcontext(keep) as name,
    ):
        folder = Path(name)
        store = _corpus_to_store(folder, seed, jobs, clips)
        run = Run(Work(folder / "work").new_run("adapter"))
        config = resolve("tiny", flags={"train.seed": seed, "train.epochs": epochs})
        trained = start_run(store, run.path, config, preset="tiny", group=ProcessGroup("cpu"))
        page = (keep or Path.cwd()) / ("page.html" if keep else "sla-demo.html")
        gain = _decode_and_score(store, run, folder, page)
        signed = max(draw_sentences(seed, "test", clips["test"] + UNSEEN, different=True)[-UNSEEN:], key=len)
        transcript, files = _transcribe(run, folder / LM, page.with_name(f"{page.stem}-video.webm"), signed, seed)
    seconds = time.monotonic() - begun
    return DemoResult(gain, trained.dev_wer, clips["test"], page, signed, transcript, files, keep, seconds)


def _figures(gain: Comparison) -> tuple[str, str]:
    """Both word error rates, and their difference with its interval."""
    wer, wer_lm, span = gain.first.total.wer, gain.second.total.wer, gain.interval
    between = f", {span.level:g} % interval {span.low:+.2f} to {span.high:+.2f}" if span else ""
    return (
        f"test WER {wer:.2f} % without a language model, {wer_lm:.2f} % with a gloss bigram",
        f"difference {gain.difference:+.2f} points{between}. {verdict(gain)}",
    )


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """A signal in ENDING ends the demo with an exception, so its temporary folder is removed. Only in the main thread,
    and not for a signal that is ignored, as with nohup."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers: dict[signal.Signals, Any] = {number: signal.getsignal(number) for number in ENDING}
    before = {number: handler for number, handler in handlers.items() if handler not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, _end)
    try:
        yield
    except Stopped as stopped:  # the message of training would explain how to continue a run that is removed
        raise Stopped(stopped.signal, f"{signal.Signals(stopped.signal).name}: the demo was stopped") from stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, frame: FrameType | None) -> None:
    for each in ENDING:
        signal.signal(each, signal.SIG_IGN)  # a second signal must not interrupt the removal
    raise Stopped(number)


def _corpus_to_store(folder: Path, seed: int, jobs: int, clips: Mapping[str, int]) -> Store:
    with progress("drawing clips", sum(clips.values())) as advance:
        draw_corpus(folder / "corpus", seed=seed, jobs=jobs or usable_cores(), progress=advance, **clips)
    out = Work(folder / "work").stores / "phoenix2014"
    request = PrepRequest.checked("phoenix2014", folder / "corpus", frames={"size": SIZE})
    with closing(ProcessPool(jobs)) as engine:
        outcome = build_store(Begun(request), out, engine)
    log.info("store: %s", counted(outcome.clips, "clip"))
    return Store(out)


def _decode_and_score(store: Store, run: Run, folder: Path, page: Path) -> Comparison:
    """Decode test without and with a bigram, score and compare both, write the page."""
    work, lm = Work(folder / "work"), folder / LM
    emissions = work.emissions / run.path.name / "test.h5"
    emit(run, store["test"], emissions, device="cpu")
    estimate_file(store.path, lm, order=2, fallback=True)
    scores = []
    for model in (None, lm):
        path, _ = decode_file(emissions, work.hypotheses, Settled(BeamOptions(lm=model)))
        scores.append(score_file(path, work.scores)[0])
    systems = load_systems(scores, NAMES)
    [gain] = against_first([system.score for system in systems], NAMES)
    assert gain is not None  # both against the same references
    write_page(
        page,
        systems,
        against=[gain],
        title="Synthetic signing, drawn by sla demo",
        note=f"It shows that all stages work, but nothing about real signing: {', '.join(_figures(gain))}",
        next_steps=NEXT,
    )
    return gain


def _transcribe(
    run: Run, lm: Path, video: Path, glosses: Sequence[str], seed: int
) -> tuple[Transcript, tuple[Path, Path]]:
    """Draw a video, and write its page and its ELAN file next to it."""
    draw_movie(video, glosses, seed)
    with Recognizer.open(run.path, lm=lm, device="cpu") as model:
        transcript = model.transcribe(video)
    page, elan = video.with_suffix(".html"), video.with_suffix(".eaf")
    for path in (page, elan):
        transcript.save(path, force=True)
    return transcript, (page, elan)
