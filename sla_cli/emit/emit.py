"""A split's log-probabilities: what training scores on dev and what decoding starts from."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import distributed

from sla_cli.atomic import atomic_write
from sla_cli.config import Config, EmitConfig
from sla_cli.core.digest import digest_json
from sla_cli.data.batching import to_pixels
from sla_cli.data.dataset import ClipDataset, Shown
from sla_cli.data.loading import evaluation_batches
from sla_cli.errors import SlaError
from sla_cli.formats.emissions import (
    Emission,
    EmissionHeader,
    check_finite,
    emission_receipt,
    is_current,
    write_emissions,
)
from sla_cli.formats.receipt import already_made, receipt_path, write_receipt
from sla_cli.formats.run import Run, check_glosses
from sla_cli.formats.store import Split
from sla_cli.log import log, progress
from sla_cli.model.added import merge_added
from sla_cli.model.checkpoint import load_weights
from sla_cli.model.device import Placement, place
from sla_cli.model.network import Network

ONE_CLIP = 0  # a frame budget that every clip exceeds


@dataclass(frozen=True)
class Rank:
    """This process among those that torchrun started; alone it is number 0 of 1."""

    number: int = 0
    world: int = 1

    def wait(self) -> None:
        """Until all have come here."""
        if self.world > 1:
            distributed.barrier()

    def first_says(self, ask: Callable[[], bool]) -> bool:
        """What the first process finds, so that all do the same whatever others write meanwhile."""
        if self.world == 1:
            return ask()
        answer = [ask() if self.number == 0 else None]
        distributed.broadcast_object_list(answer, 0)
        return bool(answer[0])


def emissions_of(
    model: Network,
    split: Split,
    config: Config,
    placement: Placement,
    max_frames: int = ONE_CLIP,
    wanted: Sequence[int] | None = None,
) -> Generator[Emission, None, None]:
    """Log-probabilities of each clip of a split; the model is left in evaluation mode.

    A clip's answer does not depend on the clips beside it, but for rounding. Close the iterator: that is what ends
    the processes that load clips.

    Args:
        max_frames: frames of the clips in a batch. ONE_CLIP takes clips one by one in the store's order, others by
            length, the longest first, so that memory that does not suffice is known at once.
        wanted: indices of the clips; None is all.
    """
    clips = list(range(len(split)) if wanted is None else wanted)
    groups = batches_by_length([split.lengths[index] for index in clips], max_frames)
    chosen = [[clips[place] for place in group] for group in groups]
    for group in _emit_groups(model, split, config, placement, chosen):
        yield from group


def batches_by_length(lengths: Sequence[int], max_frames: int) -> list[list[int]]:
    """Indices of clips in batches of at most `max_frames` frames, the longest first; a longer clip goes alone."""
    if max_frames == ONE_CLIP:
        return [[index] for index in range(len(lengths))]
    groups: list[list[int]] = []
    room = 0
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        if not groups or lengths[index] > room:
            groups.append([])
            room = max_frames
        groups[-1].append(index)
        room -= lengths[index]
    return groups


def emit(
    run: Run,
    split: Split,
    out: Path,
    *,
    device: str = "auto",
    weights: str | None = None,
    how: EmitConfig | None = None,
    force: bool = False,
) -> None:
    """Run the best checkpoint of a run over a split and write its emissions file, unless it is there and current.

    A batch that is finished is kept in a hidden folder beside `out` until all are: who was interrupted goes on there.
    Under torchrun each process makes its share of the batches, and the first joins them.

    Args:
        device: auto, cpu, cuda or cuda:N; under torchrun auto and cuda are the process's own GPU.
        weights: the backbone's weights, where the file has moved since training.
        how: precision, type on disk, frames a batch; None takes whatever precision is there already.
        force: replace emissions that were made in another precision.

    Raises:
        SlaError: the run's glosses do not match the store, its weights do not fit the backbone, or `out` holds
            emissions of the same run and split in another precision, or is a folder.
        FormatError: the model gave NaN.
    """
    check_glosses(run, split)
    wanted = how or EmitConfig()
    receipt = emission_receipt(run, split, wanted.precision, wanted.dtype)

    def is_there() -> bool:
        if not is_current(out, receipt) or (how is not None and already_made(out, receipt, force=force) is None):
            return False
        log.info("taking emissions %s", out)
        return True

    if out.is_dir():
        raise SlaError(f"{out} is a folder", "Name a file.")
    with _ranks() as rank:
        if rank.first_says(is_there):
            return
        config = run.config
        if weights is not None:
            config = replace(config, model=replace(config.model, weights=weights))
        placement = _place(device, wanted.precision, config.train.precision)
        groups = batches_by_length(split.lengths, wanted.max_frames)
        # All that could change a number, so that an interrupted attempt is only taken up by its like.
        key = digest_json(
            [receipt.fingerprint, wanted.max_frames, wanted.chunk, placement.device.type, str(placement.dtype)]
        )
        parts = out.with_name(f".{out.name}.parts")
        with _locked(parts, rank):
            if rank.first_says(is_there):  # another job made it meanwhile
                return
            model = Network(config, len(run.glosses))
            load_weights(run.best, model, run.glosses)
            merged = merge_added(model)
            model.to(placement.device)
            _make_parts(model, split, config, placement, groups, parts / key, rank, wanted)
            rank.wait()
            if rank.number == 0:
                header = EmissionHeader(
                    corpus=split.corpus,
                    split=split.name,
                    glosses=run.glosses,
                    stride=model.stride,
                    fps=split.fps,
                    store=str(split.path.parent.resolve()),
                    run=str(run.path.resolve()),
                )
                receipt_path(out).unlink(missing_ok=True)
                write_emissions(out, header, _joined(split, groups, parts / key), wanted.dtype)
                receipt.results = {
                    "clips": len(split),
                    "device": str(placement.device),
                    "precision": str(placement.dtype),
                    "merged": merged,
                    "processes": rank.world,
                }
                write_receipt(receipt, out)
                shutil.rmtree(parts)  # what attempts with other settings left, too
            rank.wait()


class _Chosen(ClipDataset):
    """Some clips of a split in an order of their own."""

    def __init__(self, split: Split, indices: Sequence[int], model: Network, config: Config) -> None:
        super().__init__(split, (), model.stride, config.train, config.model.image_size)
        self.indices = indices

    def __len__(self) -> int:
        return len(self.indices)

    def shown(self, key: tuple[int, int]) -> Shown:
        epoch, number = key
        return super().shown((epoch, self.indices[number]))


def _emit_groups(
    model: Network,
    split: Split,
    config: Config,
    placement: Placement,
    groups: Sequence[Sequence[int]],
    chunk: int = EmitConfig.chunk,
) -> Generator[list[Emission], None, None]:
    """The emissions of each batch. Clips are loaded one by one, so that loading is spread evenly over workers."""
    model.eval()
    data = _Chosen(split, [index for group in groups for index in group], model, config)
    crop, size, device = config.train.crop, config.model.image_size, placement.device
    with closing(evaluation_batches(data, placement.cuda)) as clips:
        for group in groups:
            ids: list[str] = []
            pixels, lengths = [], []
            with torch.inference_mode(), placement.autocast():
                for batch in islice(clips, len(group)):
                    ids += batch.ids
                    lengths.append(batch.lengths)
                    pixels.append(to_pixels(batch, crop=crop, size=size, like=model.backbone, device=device))
                logits = model(torch.cat(pixels), torch.cat(lengths), chunk)
                log_probs = logits.sequence.log_softmax(-1).cpu().split(logits.steps.tolist())
            frames = torch.cat(lengths).tolist()
            yield [
                Emission(name, part.numpy(), length) for name, part, length in zip(ids, log_probs, frames, strict=True)
            ]


def _make_parts(
    model: Network,
    split: Split,
    config: Config,
    placement: Placement,
    groups: Sequence[Sequence[int]],
    parts: Path,
    rank: Rank,
    how: EmitConfig,
) -> None:
    """Compute this process's batches that no earlier attempt has finished, a file each."""
    mine = [number for number in range(len(groups)) if number % rank.world == rank.number]
    missing = [number for number in mine if not _part(parts, number).is_file()]
    done = sum(len(groups[number]) for number in mine) - sum(len(groups[number]) for number in missing)
    if done:
        log.info("%d clips were finished before", done)
    what = f"emissions of {split.name}" + (f", process {rank.number} of {rank.world}" if rank.world > 1 else "")
    emitted = _emit_groups(model, split, config, placement, [groups[number] for number in missing], how.chunk)
    with closing(emitted), progress(what, sum(len(groups[number]) for number in missing)) as advance:
        for number, emissions in zip(missing, emitted, strict=True):
            for emission in emissions:
                check_finite(emission)
            arrays = {
                str(index): emission.log_probs.astype(how.dtype)
                for index, emission in zip(groups[number], emissions, strict=True)
            }
            with atomic_write(_part(parts, number)) as temporary, temporary.open("wb") as file:
                np.savez(file, **arrays)
            advance(len(emissions))


def _joined(split: Split, groups: Sequence[Sequence[int]], parts: Path) -> Iterator[Emission]:
    """All clips in the store's order, out of the batches' files."""
    batch_of = {index: number for number, group in enumerate(groups) for index in group}
    for index, name in enumerate(split.ids):
        with np.load(_part(parts, batch_of[index])) as arrays:
            yield Emission(name, arrays[str(index)], split.lengths[index])


def _part(parts: Path, number: int) -> Path:
    return parts / f"{number:06d}.npz"


def _place(device: str, precision: str, trained: str) -> Placement:
    """Where and in which precision to run; a run from a GPU emits on a CPU too."""
    if precision == "auto":
        precision = "auto" if trained == "fp16" else trained
    local = os.environ.get("LOCAL_RANK")
    if local is not None and (device == "cuda" or (device == "auto" and torch.cuda.is_available())):
        device = f"cuda:{local}"
    return place(device, precision)


@contextmanager
def _ranks() -> Iterator[Rank]:
    """This process's place under torchrun. gloo suffices, for nothing but waiting is done with it."""
    number, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Rank()
        return
    begun_here = not distributed.is_initialized()
    if begun_here:
        distributed.init_process_group("gloo", timeout=timedelta(days=7))  # the slowest share takes what it takes
    try:
        yield Rank(number, world)
    finally:
        if begun_here:
            distributed.destroy_process_group()


@contextmanager
def _locked(parts: Path, rank: Rank) -> Iterator[None]:
    """Keep other jobs from the same file while this one, or the processes it belongs to, is at work on it."""
    if rank.number > 0:
        rank.wait()
        yield
        return
    while True:
        parts.mkdir(parents=True, exist_ok=True)
        handle = os.open(parts, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("another sla makes the same emissions: waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        if parts.is_dir() and os.fstat(handle).st_ino == parts.stat().st_ino:
            break
        os.close(handle)  # the one before has finished and removed the folder
    rank.wait()
    try:
        yield
    finally:
        os.close(handle)
        if parts.is_dir() and not any(parts.iterdir()):
            parts.rmdir()
