"""What to annotate next, in a store or in recordings: the work of `sla next`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sla_cli.choose.candidate import Annotated, Candidate
from sla_cli.choose.choose import Choice, choose
from sla_cli.choose.from_folder import stretch_candidates
from sla_cli.choose.from_store import annotated_splits, clips_with_peaks, pool_of, read_clips, unread_clips
from sla_cli.choose.read import annotated_in
from sla_cli.choose.strategies import STRATEGIES
from sla_cli.config.settings import TranscribeConfig
from sla_cli.errors import SlaError, some
from sla_cli.store.paths import clips_files, names_store, split_name
from sla_cli.store.store import Store
from sla_cli.transcribe.recognizer import Recognizer
from sla_cli.work.folder import Work, finished
from sla_cli.work.model_folder import find_trained


@dataclass(frozen=True)
class Request:
    """How to choose; see the options of `sla next`.

    Attributes:
        strategy: its name.
        budget: minutes.
        run: None is the newest one; if there is none either, a strategy that needs facts only does without.
        split: of a store; None is its clips without annotation.
        pause, fps: of recordings, as for `Recognizer.transcribe`; None is the default.
        weights: of the backbone, if their file has moved.
    """

    strategy: str
    budget: float
    seed: int
    run: Path | None
    split: str | None
    pause: float | None
    fps: float | None
    device: str
    weights: str | None


def next_choices(place: Path, work: Work, request: Request) -> tuple[list[Choice], int]:
    """What to annotate next, and among how many candidates it was chosen.

    Args:
        place: a store, or recordings.

    Raises:
        SlaError: there is nothing to choose from, the budget is too small for anything, the strategy lacks what it
            needs, or the run cannot read the clips.
    """
    store = work.store_given(place)
    if not (names_store(store) or place.exists()):
        hint = "Name a store, or a video, folder or archive of recordings."
        raise SlaError(f"no such store or recordings: {place}", hint)
    if clips_files(split_name(store)[0]):
        candidates, annotated = _in_store(Store(store), work, request)
    else:
        candidates, annotated = _in_recordings(place, work, request)
    worth = STRATEGIES[request.strategy].worth
    return choose(candidates, worth, annotated, request.budget, request.seed), len(candidates)


def _in_store(store: Store, work: Work, request: Request) -> tuple[list[Candidate], Annotated]:
    """The candidates, and what is annotated. Without a run, nothing excludes clips that it was trained on."""
    strategy, device, weights = STRATEGIES[request.strategy], request.device, request.weights
    for option, value in (("--pause", request.pause), ("--fps", request.fps)):
        if value is not None:
            raise SlaError(f"{option} is for recordings, and {store.path} is a store", "Leave it out.")
    # Facts need no run; one excludes clips of a split, and no run was trained on clips without annotation.
    needs_run = request.run is not None or strategy.needs != "facts" or (request.split and finished(work.runs))
    run = find_trained(work.run_given(request.run)) if needs_run else None
    pool = pool_of(store, run, request.split)
    if request.strategy == "signers" and not any(pool.signers):
        raise SlaError(f"no signer is known of {pool}, so signers cannot be chosen", "Use another --strategy.")
    splits = annotated_splits(store, pool, run) if strategy.compares else []
    annotated = annotated_in(splits)
    if run is None or strategy.needs == "facts":
        return list(unread_clips(pool)), annotated
    if strategy.needs == "hypothesis":
        return list(read_clips(pool, run, work, device=device, weights=weights)), annotated
    return list(clips_with_peaks(pool, run, splits, annotated, device=device, weights=weights)), annotated


def _in_recordings(place: Path, work: Work, request: Request) -> tuple[list[Candidate], Annotated]:
    """As `_in_store`."""
    name, strategy = request.strategy, STRATEGIES[request.strategy]
    if request.split is not None:
        raise SlaError(f"--split is for a store, and {place} is none", "Leave it out.")
    if not strategy.in_recordings:
        what = "features" if strategy.needs == "peaks" else "signers"
        others = some(key for key, one in STRATEGIES.items() if one.in_recordings)
        hint = f"Make a store of them with `sla prep`, or choose by {others}."
        raise SlaError(f"the strategy {name} needs {what} that are not known of recordings", hint)
    run = find_trained(work.run_given(request.run))
    if strategy.compares and run.own_store is None:
        hint = "Choose by random or uncertainty."
        raise SlaError(f"the strategy {name} needs the store that {run.path} was trained on, which is not here", hint)
    annotated = annotated_in([run.own_clips()["train"]] if strategy.compares else [])
    pause = TranscribeConfig.pause if request.pause is None else request.pause
    with Recognizer.open(run.path, device=request.device, weights=request.weights) as model:
        return list(stretch_candidates(place, model, pause=pause, fps=request.fps)), annotated
