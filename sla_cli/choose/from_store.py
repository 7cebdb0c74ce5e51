"""The clips of a store that may be annotated next, as candidates."""

from __future__ import annotations

from collections.abc import Iterator

from sla_cli.choose.candidate import Annotated, Candidate
from sla_cli.choose.read import add_aligned, as_candidate, read_clip
from sla_cli.emit.find_emissions import emissions_of
from sla_cli.errors import SlaError
from sla_cli.log import progress
from sla_cli.store.clips import Split
from sla_cli.store.store import Store
from sla_cli.work.emissions import Emissions
from sla_cli.work.folder import Work
from sla_cli.work.run import Run


def pool_of(store: Store, run: Run | None, split: str | None) -> Split:
    """The clips to choose from: those without annotation, or those of a split, but none that the run was trained on.

    Raises:
        SlaError: there is none, or no such split.
    """
    whole = store[split] if split else store.clips
    trained = set(run.own_clips()["train"].ids) if run and store.path.resolve() == run.own_store else set()
    clips = zip(whole.ids, whole.raw_glosses, strict=True)
    wanted = {name for name, glosses in clips if name not in trained and (split or not glosses)}
    if not wanted:
        why = f"the run was trained on all clips of {whole}" if split else f"all clips of {store.name} are annotated"
        hint = "Name another split." if split else "--split NAME chooses from the clips of a split all the same."
        raise SlaError(why, hint)
    return _part(store, whole, wanted, split or "unannotated")


def annotated_splits(store: Store, pool: Split, run: Run | None) -> list[Split]:
    """The annotated clips of a store that are not in the pool, and the clips of another store that a run has seen."""
    clips = zip(store.clips.ids, store.clips.raw_glosses, strict=True)
    here = _part(store, store.clips, {name for name, glosses in clips if glosses and name not in pool}, "annotated")
    elsewhere = run is not None and run.own_store not in (None, store.path.resolve())
    return [split for split in (here, run.own_clips()["train"] if run and elsewhere else None) if split]


def _part(store: Store, whole: Split, wanted: set[str], name: str) -> Split:
    rows = [row for row, clip in zip(whole.rows, whole.ids, strict=True) if clip in wanted]
    return Split(store.path, store.header, store.division, name, rows, store.vocabulary)


def unread_clips(pool: Split) -> Iterator[Candidate]:
    """Each clip of a pool, without what a run recognises in it. Raises SlaError if its frame rate is unknown."""
    rates = pool.clip_fps.tolist()
    for name, frames, fps, signer, origin in zip(
        pool.ids, pool.lengths, rates, pool.signers, pool.sources, strict=True
    ):
        yield as_candidate(name, frames, fps, signer=signer, origin=origin)


def read_clips(pool: Split, run: Run, work: Work, *, device: str, weights: str | None) -> Iterator[Candidate]:
    """Each clip of a pool, from the emissions in the work folder, which are made if they are missing.

    Raises:
        SlaError: as `emit`, and as `read_clip`.
    """
    emissions = Emissions(emissions_of(run, pool, work, weights=weights, device=device))
    header = emissions.header
    known = {one.id: one for one in unread_clips(pool)}
    with progress(f"read {pool.name}", len(emissions)) as advance:
        for emission in emissions:
            yield read_clip(known[emission.id], emission, header.glosses, header.calibration)
            advance(1)


def clips_with_peaks(
    pool: Split, run: Run, annotated: list[Split], known: Annotated, *, device: str, weights: str | None
) -> Iterator[Candidate]:
    """Each clip of a pool with its features. Those of annotated clips are added to `known` before.

    All of these clips pass the backbone, since no file keeps features of output steps.

    Raises:
        SlaError: as `emit`, and as `read_clip`.
    """
    from sla_cli.choose.features import steps_of_split
    from sla_cli.model.open_run import open_model

    opened = open_model(run, device=device, weights=weights)
    for split in annotated:
        glosses = dict(zip(split.ids, split.glosses, strict=True))
        for emission, features in steps_of_split(opened, run, split):
            add_aligned(known, glosses[emission.id], emission.log_probs, opened.glosses, features)
    calibration = run.read_calibration()
    clips = {one.id: one for one in unread_clips(pool)}
    for emission, features in steps_of_split(opened, run, pool):
        yield read_clip(clips[emission.id], emission, opened.glosses, calibration, features)
