"""Corpus to store: plan from its tables, encode into a spool, judge what came out, write the files.

The spool survives kills and failures, and is removed when the files are written.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from sla_cli.config import PrepConfig
from sla_cli.core.digest import digest_json
from sla_cli.errors import SlaError, some
from sla_cli.formats.receipt import Receipt, already_made, read_receipt, receipt_path, write_receipt
from sla_cli.formats.store import SPLITS
from sla_cli.formats.store_file import SplitHeader
from sla_cli.log import log
from sla_cli.prep.corpus import Corpus
from sla_cli.prep.executor import Executor
from sla_cli.prep.judge import common_fps, infeasible, psnr
from sla_cli.prep.labels import find_labels
from sla_cli.prep.pack import Packed, Place, finished_clips, is_written, origin, parts_of, through_spool, write_parts
from sla_cli.prep.plan import Plan, choose_protocol, make_plan
from sla_cli.prep.spool import encode_all, spooled
from sla_cli.prep.state import Begun, alone, begin, spool_path

LISTED = 20  # broken clips in an error message
OnError = Literal["stop", "skip"]


@dataclass
class Outcome:
    """What became of the clips.

    Attributes:
        clips: split to number of clips in the store.
        skipped: clip id to the reason why it was left out on purpose.
        failed: clip id to the error that keeps it out until the source is mended.
        labels: the cleaning of training glosses.
        vocabulary: how many different ones train has.
        unknown: split to what the vocabulary lacks of it: `missing` of `glosses` training glosses, `types` of them.
        psnr: of the stored frames against the resized ones, dB, pooled over one sampled frame of each clip; None where
            nothing is lost.
        files: of the store.
    """

    clips: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    labels: str = ""
    vocabulary: int = 0
    unknown: dict[str, dict[str, int]] = field(default_factory=dict)
    psnr: float | None = None
    files: list[str] = field(default_factory=list)


class BrokenClips(SlaError):
    """Clips whose frames cannot be read (`failed`: id to reason), where all were asked for."""

    def __init__(self, failed: Mapping[str, str], planned: int) -> None:
        self.failed = dict(failed)
        listed = some((f"{name}: {reason}" for name, reason in failed.items()), LISTED)
        super().__init__(
            f"{len(failed)} of {planned} clips cannot be read, so the store is not written: {listed}",
            "Mend them and run the same command again (the others are kept), or leave them out with --on-error skip.",
        )


@dataclass(frozen=True)
class _Job:
    """What is made of what. Clips of equal `recipe` and source have equal frames."""

    corpus: Corpus
    root: Path
    out: Path
    config: PrepConfig
    engine: Executor
    protocol: str
    labels: str
    recipe: str


def build_store(
    corpus: Corpus,
    source: Path,
    out: Path,
    config: PrepConfig,
    engine: Executor,
    *,
    protocol: str = "",
    on_error: OnError = "stop",
    force: bool = False,
) -> Outcome:
    """Make a store of all splits of a corpus; what an interrupted or failed attempt encoded is kept and used.

    Args:
        out: the store's folder.
        protocol: one of the corpus's; "" is its first.
        on_error: whether a clip that cannot be read stops the store from being written, or is left out of it.
        force: replace a store of other settings; one of the same settings is made from the frames again.

    Raises:
        SlaError: the corpus is not there, `out` was made with other settings and `force` is off, or another
            process is writing it.
        BrokenClips: clips cannot be read, and `on_error` is stop.
    """
    source, out = source.resolve(), out.resolve()
    protocol, labels = choose_protocol(corpus, protocol), find_labels(config.labels, corpus.labels)
    with alone(out):
        tree = corpus.open(source, out)
        listing = corpus.read(tree, protocol)
        frames = _frame_settings(tree.root, config)
        job = _Job(corpus, tree.root, out, config, engine, protocol, labels.name, digest_json([frames, corpus.fps]))
        settings = {"labels": labels.name, "shard_clips": config.shard_clips}
        receipt = Receipt("prep", {"corpus": corpus.name, "protocol": protocol, **frames, **settings}, listing.tables)
        old = already_made(out, receipt, force=force)
        if old is not None and _whole(out, old):
            log.info("%s is up to date", out)
            shutil.rmtree(spool_path(out, job.recipe), ignore_errors=True)
            return Outcome(**old.results)
        plan = make_plan(listing, labels)
        replaces = _replaced(out, receipt) if force else ""
        begun = Begun(corpus.name, str(source), protocol, asdict(config), on_error, force, replaces)
        spool = begin(out, job.recipe, begun)
        outcome = _make(job, plan, spool, on_error, fresh=bool(replaces))
        receipt.results = asdict(outcome)
        write_receipt(receipt, out)
        shutil.rmtree(spool)
    return outcome


def _frame_settings(root: Path, config: PrepConfig) -> dict[str, Any]:
    """All that decides what a clip's frames become."""
    return {
        "source": str(root),
        "size": config.size,
        "fit": config.fit,
        "codec": config.codec,
        "quality": _quality(config),
        "fps": config.fps,
    }


def _quality(config: PrepConfig) -> int:
    """JPEG's; other codecs have none."""
    return config.quality if config.codec == "jpeg" else 0


def _replaced(out: Path, receipt: Receipt) -> str:
    """When the store was finished that is to be made again, "" where there is none of these settings."""
    old = read_receipt(out)
    return old.finished if old is not None and old.fingerprint == receipt.fingerprint else ""


def _whole(out: Path, receipt: Receipt) -> bool:
    """Whether all clips are in and the files are still there."""
    return not receipt.results["failed"] and all((out / name).is_file() for name in receipt.results["files"])


def _make(job: _Job, plan: Plan, spool: Path, on_error: OnError, *, fresh: bool) -> Outcome:
    """Encode, judge, write. `fresh`: the frames of finished files are not taken over."""
    packed, failed = _encode(job, plan, spool, fresh)
    if failed and on_error == "stop":
        raise BrokenClips(failed, sum(len(planned) for planned in plan.splits.values()))
    made = {name: clip.made for name, clip in packed.items()}
    skipped = plan.skipped | infeasible(plan.splits.get("train", ()), made)
    good = {name: clip for name, clip in packed.items() if name not in skipped}
    unknown = {split: asdict(count) for split, count in plan.unknown.items()}
    loss = psnr([made[name] for name in good])
    outcome = Outcome({}, skipped, failed, job.labels, len(plan.vocabulary), unknown, loss)
    _write(job, plan, spool, good, outcome)
    return outcome


def _encode(job: _Job, plan: Plan, spool: Path, fresh: bool) -> tuple[dict[str, Packed], dict[str, str]]:
    """All clips that can be stored by id, and what is wrong with the others."""
    found = {} if fresh else finished_clips(job.out, job.recipe)
    everything = [item for planned in plan.splits.values() for item in planned]
    origins = {item.clip.id: origin(item.clip.source, job.root) for item in everything}
    wanted = [
        item.clip
        for item in everything
        if origins[item.clip.id] not in found or spooled(spool, item.clip.source).is_file()
    ]
    encoding = encode_all(wanted, spool, job.config, job.corpus.fps, job.engine)
    packed = {}
    for item in everything:
        name = item.clip.id
        if name in encoding.made:  # before what a finished file has: it is newer
            place = Place(spooled(spool, item.clip.source))
            packed[name] = Packed(item, encoding.made[name], place, origins[name])
        elif name not in encoding.failed:
            place, made = found[origins[name]]
            packed[name] = Packed(item, made, place, origins[name])
    return packed, encoding.failed


def _write(job: _Job, plan: Plan, spool: Path, packed: Mapping[str, Packed], outcome: Outcome) -> None:
    """Write the files that are not there as they should be, remove those that should not be there."""
    parts = []
    for split, planned in plan.splits.items():
        clips = [packed[item.clip.id] for item in planned if item.clip.id in packed]
        if not clips:
            reasons = [(outcome.failed | outcome.skipped)[item.clip.id] for item in planned]
            raise SlaError(f"no clip of {split} can be stored: {some(reasons, 1)}", "Mend them, and run it again.")
        header = _header(job, plan, split, common_fps(split, [clip.made for clip in clips], job.corpus.fps))
        parts += parts_of(job.out, header, planned, packed, job.config.shard_clips)
        outcome.clips[split] = len(clips)
    outcome.files = [part.path.name for part in parts]
    receipt_path(job.out).unlink(missing_ok=True)  # from here to the new receipt the store is not complete
    write_parts([through_spool(part, spool) for part in parts if not is_written(part)], job.engine)
    for path in (path for split in SPLITS for path in job.out.glob(f"{split}*.h5")):
        if path.name not in outcome.files:
            path.unlink()  # of a store that had more splits, or other shards


def _header(job: _Job, plan: Plan, split: str, fps: float) -> SplitHeader:
    return SplitHeader(
        job.corpus.name,
        split,
        job.config.size,
        fps,
        _quality(job.config),
        plan.vocabulary,
        codec=job.config.codec,
        fit=job.config.fit,
        labels=job.labels,
        protocol=job.protocol,
        annotated=split in plan.annotated,
        recipe=job.recipe,
        profile=job.corpus.profile,
        preset=job.corpus.preset,
        unseen=job.corpus.unseen.get(job.protocol, ""),
    )
