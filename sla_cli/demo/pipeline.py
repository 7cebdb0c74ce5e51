"""`sla demo`: a synthetic corpus through all stages, by the same functions that the commands call."""

from __future__ import annotations

import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sla_cli.annotation.formats import annotation_text
from sla_cli.annotation.layout import DEFAULT
from sla_cli.config.settings import TranscribeConfig, resolve
from sla_cli.core.annotation import Annotation, split_at_pauses
from sla_cli.core.counted import counted
from sla_cli.core.time_score import score_times
from sla_cli.decode.decode_file import decode_file
from sla_cli.demo.corpus import draw_corpus
from sla_cli.demo.figures import NEXT, DemoFigures, UnseenVideo, gain_text
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
from sla_cli.report.page import REPORT, write_page
from sla_cli.report.system import load_systems
from sla_cli.score.compare import against_first
from sla_cli.score.score_file import score_file
from sla_cli.search.beam_decoder import BeamOptions
from sla_cli.search.options import Settled
from sla_cli.store.store import Store
from sla_cli.system.atomic import Check, write_text
from sla_cli.system.workers import ENDING, stop_once
from sla_cli.train.train_run import start_run
from sla_cli.transcribe.recognizer import Recognizer
from sla_cli.transcribe.transcript import PAGE, like_of
from sla_cli.work.comparison_figures import ComparisonFigures, comparison_figures
from sla_cli.work.folder import Work
from sla_cli.work.like import Like
from sla_cli.work.output import check_folder, check_output
from sla_cli.work.run import Run

CLIPS = {"train": 200, "dev": 24, "test": 200}  # with fewer test clips the gain of the bigram would be random
LM = "gloss.arpa"
NAMES = ("without language model", "with gloss bigram")
UNSEEN = 3  # number of sentences in the video that is transcribed
SIZE = 128  # pixels; enough for the tiny preset and for the page


def run_demo(
    keep: Path | None = None,
    *,
    seed: int = 0,
    jobs: int = 0,
    clips: Mapping[str, int] = CLIPS,
    epochs: int | None = None,
) -> DemoFigures:
    """Draw, prep, train, decode, score and transcribe.

    Only the pages, the video and its ELAN file are kept, unless `keep` names a folder.

    Args:
        jobs: processes; 0 uses all usable cores.
        clips: number of clips for train, dev and test.
        epochs: None uses the number in the preset.

    Raises:
        SlaError: `keep` exists and is not empty, or a file that would be replaced is not the demo's, or was edited.
        Stopped: by SIGINT, SIGTERM or SIGHUP.
    """
    begun = time.monotonic()
    if keep is not None:
        check_folder(keep)
        if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
            raise SlaError(f"{keep} exists and is not empty", "Name a new folder for --keep.")
        try:
            keep.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SlaError(f"cannot make the folder {keep}: {error.strerror}", "Name another for --keep.") from error
    page = (keep or Path.cwd()) / ("page.html" if keep else "sla-demo.html")
    video = page.with_name(f"{page.stem}-video.webm")
    checks = _checks(page, video)
    with (
        _ended_by_signals(),
        tempfile.TemporaryDirectory(prefix="sla-demo-") if keep is None else nullcontext(keep) as name,
    ):
        folder = Path(name)
        store = _corpus_to_store(folder, seed, jobs, clips)
        run = Run(Work(folder / "work").new_run("adapter"))
        config = resolve("tiny", flags={"train.seed": seed, "train.epochs": epochs})
        trained = start_run(store, run.path, config, preset="tiny", group=ProcessGroup("cpu"))
        gain = _decode_and_score(store, run, folder, page, checks[page])
        unseen = draw_sentences(seed, "test", clips["test"] + UNSEEN, different=True)[-UNSEEN:]
        transcript = _transcribe(run, folder / LM, video, unseen, seed, checks)
    return DemoFigures(
        wer=gain.a.wer,
        wer_lm=gain.b.wer,
        gain=gain,
        dev_wer=trained.dev_wer,
        clips=clips["test"],
        page=page,
        transcript=transcript,
        kept=keep,
        seconds=round(time.monotonic() - begun, 1),
    )


def _checks(page: Path, video: Path) -> dict[Path, Check]:
    """For each file that the demo writes outside its folder. Raises SlaError if there is another file of its name."""
    own, shown = like_of(PAGE), video.with_suffix(".html")
    # Nothing in a video tells who drew it.
    movie = Like("a video with its page of sla beside it", lambda _: shown.is_file() and own.fits(shown), (".webm",))
    kinds = {page: REPORT, video: movie, shown: own}
    kinds |= dict.fromkeys((video.with_suffix(".eaf"), _truth(video)), like_of("eaf"))
    try:
        return {path: check_output(path, kind, replace=True) for path, kind in kinds.items()}
    except SlaError as error:
        raise SlaError(error.message, "Move it elsewhere, or begin the demo in another folder.") from error


def _truth(video: Path) -> Path:
    return video.with_name(f"{video.stem}-true.eaf")


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
        signal.signal(number, stop_once)
    try:
        yield
    except Stopped as stopped:  # the message of training would explain how to continue a run that is removed
        raise Stopped(stopped.signal, f"{signal.Signals(stopped.signal).name}: the demo was stopped") from stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _corpus_to_store(folder: Path, seed: int, jobs: int, clips: Mapping[str, int]) -> Store:
    with progress("drawing clips", sum(clips.values())) as advance:
        draw_corpus(folder / "corpus", seed=seed, jobs=jobs, progress=advance, **clips)
    out = Work(folder / "work").stores / "phoenix2014"
    request = PrepRequest.checked("phoenix2014", folder / "corpus", frames={"size": SIZE})
    with closing(ProcessPool(jobs)) as engine:
        outcome = build_store(Begun(request), out, engine)
    log.info("store: %s", counted(outcome.clips, "clip"))
    return Store(out)


def _decode_and_score(store: Store, run: Run, folder: Path, page: Path, check: Check) -> ComparisonFigures:
    """Decode test without and with a bigram, score and compare both, write the page."""
    work, lm = Work(folder / "work"), folder / LM
    emissions = work.emissions / run.name / "test.h5"
    emit(run, store["test"], emissions, device="cpu")
    estimate_file(store.path, lm, order=2, fallback=True)
    scores = []
    for model in (None, lm):
        path, _ = decode_file(emissions, work.hypotheses, Settled(BeamOptions(lm=model)))
        scores.append(score_file(path, work.scores)[0])
    systems = load_systems(scores, NAMES)
    [gain] = against_first([system.score for system in systems], NAMES)
    assert gain is not None  # both against the same references
    figures = comparison_figures(gain)
    write_page(
        page,
        systems,
        against=[gain],
        title="Synthetic signing, drawn by sla demo",
        note=f"It shows that all stages work, but nothing about real signing: {', '.join(gain_text(figures))}",
        next_steps=NEXT,
        check=check,
    )
    return figures


def _transcribe(
    run: Run, lm: Path, video: Path, sentences: list[tuple[str, ...]], seed: int, checks: Mapping[Path, Check]
) -> UnseenVideo:
    """Draw a video, and write its page and its ELAN file next to it."""
    true, truth = draw_movie(video, sentences, seed, checks[video]), _truth(video)
    page, elan = video.with_suffix(".html"), video.with_suffix(".eaf")
    try:
        with Recognizer.open(run.path, lm=lm, device="cpu") as model:
            transcript = model.transcribe(video)
        transcript.save(page, force=True, reference=true)
        transcript.save(elan, force=True)
    except BaseException:
        if not page.exists():  # the next demo would take the video for somebody's
            video.unlink()
        raise
    signed_sentences = split_at_pauses(true, TranscribeConfig.pause)
    signed = Annotation(video.stem, video, transcript.duration, signed_sentences)
    write_text(truth, annotation_text("eaf", signed, DEFAULT, truth.parent), check=checks[truth])
    return UnseenVideo(
        signed=tuple(sign.gloss for sign in true),
        read=tuple(sign.gloss for sign in transcript.signs),
        inside=score_times(true, transcript.signs).share_inside,
        duration=transcript.duration,
        files=(page, elan),
        true=truth,
    )
