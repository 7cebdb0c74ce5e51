"""Corpus to store: plan from its tables, encode into a cache, check what came out, write the files.

The cache survives kills and failures, and is removed when the files are written.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from sla_cli.config import PrepConfig, SourceConfig
from sla_cli.core.clip import SPLITS
from sla_cli.core.digest import digest_json
from sla_cli.errors import SlaError, some
from sla_cli.formats.lock import locked
from sla_cli.formats.receipt import Receipt, already_made, read_receipt, receipt_path, write_receipt
from sla_cli.formats.store_file import SplitHeader
from sla_cli.log import log
from sla_cli.prep.cache import EncodedClip, EncodingCache, encode_all
from sla_cli.prep.corpus import Corpus
from sla_cli.prep.encode import psnr
from sla_cli.prep.labels import find_labels
from sla_cli.prep.plan import Plan, choose_protocol, infeasible, make_plan
from sla_cli.prep.process_pool import Executor
from sla_cli.prep.resume import OnError, PrepArguments, begin, cache_folder
from sla_cli.prep.write import finished_clips, is_written, plan_files, write_files

AS_RELEASED = SourceConfig()
LISTED = 20  # broken clips in an error message


@dataclass
class PrepResult:
    """What became of the clips.

    Attributes:
        clips: split to number of clips in the store.
        skipped: clip id to the reason why it was left out on purpose.
        failed: clip id to the error that keeps it out until the source is fixed.
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
            "Fix them and run the same command again (the others are kept), or leave them out with --on-error skip.",
        )


def build_store(
    corpus: Corpus,
    source: Path,
    out: Path,
    config: PrepConfig,
    engine: Executor,
    *,
    wanted: SourceConfig = AS_RELEASED,
    on_error: OnError = "stop",
    force: bool = False,
) -> PrepResult:
    """Make a store of all splits of a corpus; what an interrupted or failed attempt encoded is kept and used.

    Args:
        out: the store's folder.
        wanted: what of the source is read, and how.
        on_error: whether a clip that cannot be read stops the store from being written, or is left out of it.
        force: replace a store of other settings; one of the same settings is made from the frames again.

    Raises:
        SlaError: the corpus is not there, `out` was made with other settings and `force` is off, or another
            process is writing it.
        BrokenClips: clips cannot be read, and `on_error` is stop.
    """
    source, out = source.resolve(), out.resolve()
    wanted = replace(wanted, protocol=choose_protocol(corpus, wanted.protocol))
    protocol, labels = wanted.protocol, find_labels(config.labels, corpus.labels)
    with locked(out, f"another process is writing {out}"):
        tree = corpus.open(source, out)
        listing = corpus.read(tree, wanted)
        # All that decides what a clip's frames become: clips of equal recipe and origin have equal frames.
        form: dict[str, Any] = {"size": config.size, "fit": config.fit, "codec": config.codec}
        form["quality"] = config.quality if config.codec == "jpeg" else 0
        frames = {"source": str(tree.root), **form, "fps": config.fps}
        recipe = digest_json([frames, corpus.fps])
        settings = {"labels": labels.name, "shard_clips": config.shard_clips}
        receipt = Receipt("prep", {"corpus": corpus.name, "protocol": protocol, **frames, **settings}, listing.tables)
        old = already_made(out, receipt, force=force)
        if old and not old.results["failed"] and all((out / name).is_file() for name in old.results["files"]):
            log.info("%s is up to date", out)
            shutil.rmtree(cache_folder(out, recipe), ignore_errors=True)
            return PrepResult(**old.results)
        plan = make_plan(listing, labels)
        replaced = read_receipt(out) if force else None
        replaces = replaced.finished if replaced and replaced.fingerprint == receipt.fingerprint else ""
        arguments = PrepArguments(corpus.name, str(source), protocol, asdict(config), on_error, force, replaces)
        cache = EncodingCache(begin(out, recipe, arguments), tree.root, config, corpus.fps)
        finished = {} if replaces else finished_clips(out, recipe)
        encoded, failed = _encode_missing(plan, finished, cache, engine)
        if failed and on_error == "stop":
            raise BrokenClips(failed, sum(len(planned) for planned in plan.splits.values()))
        header = SplitHeader(
            corpus=corpus.name,
            split="",
            **form,
            fps=corpus.fps or 0.0,
            vocabulary=plan.vocabulary,
            labels=labels.name,
            protocol=protocol,
            recipe=recipe,
            profile=corpus.profile,
            preset=corpus.preset,
            unseen=corpus.unseen.get(protocol, ""),
        )
        result = _write_store(out, header, plan, encoded, failed, cache, engine)
        receipt.results = asdict(result)
        write_receipt(receipt, out)
        shutil.rmtree(cache.folder)
    return result


def _encode_missing(
    plan: Plan, finished: Mapping[str, EncodedClip], cache: EncodingCache, engine: Executor
) -> tuple[dict[str, EncodedClip], Mapping[str, str]]:
    """All clips that can be stored by id, and what is wrong with the others.

    Args:
        finished: by origin the clips that files of the store have.
    """
    clips = [item.clip for planned in plan.splits.values() for item in planned]
    reused = {clip.id: found for clip in clips if (found := finished.get(cache.origin(clip.source))) is not None}
    wanted = [clip for clip in clips if clip.id not in reused or cache.path(clip.source).is_file()]
    encoded, failed = encode_all(wanted, cache, engine)
    reused = {name: clip for name, clip in reused.items() if name not in failed}
    return {**reused, **encoded}, failed  # what is in the cache is newer than what a finished file has


def _write_store(
    out: Path,
    header: SplitHeader,
    plan: Plan,
    encoded: Mapping[str, EncodedClip],
    failed: Mapping[str, str],
    cache: EncodingCache,
    engine: Executor,
) -> PrepResult:
    """Write the files that are not there as they should be, remove those that should not be there.

    Args:
        header: what is the same for all splits; its rate is for splits in which no clip knows its own.
    """
    counts = {name: clip.frames for name, clip in encoded.items()}
    skipped = plan.skipped | infeasible(plan.splits.get("train", ()), counts)
    good = {name: clip for name, clip in encoded.items() if name not in skipped}
    loss = psnr(clip.squared_error for clip in good.values())
    result = PrepResult({}, skipped, dict(failed), header.labels, len(plan.vocabulary), plan.unknown, loss)
    files = []
    for split, planned in plan.splits.items():
        clips = [good[item.clip.id] for item in planned if item.clip.id in good]
        if not clips:
            reasons = [(result.failed | skipped)[item.clip.id] for item in planned]
            raise SlaError(f"no clip of {split} can be stored: {some(reasons, 1)}", "Fix them, and run it again.")
        fps = _common_fps(split, clips) or header.fps
        of_split = replace(header, split=split, fps=fps, annotated=split in plan.annotated)
        files += plan_files(out, of_split, planned, good, cache)
        result.clips[split] = len(clips)
    result.files = [file.path.name for file in files]
    receipt_path(out).unlink(missing_ok=True)  # from here to the new receipt the store is not complete
    write_files([file for file in files if not is_written(file)], engine)
    for path in (path for split in SPLITS for path in out.glob(f"{split}*.h5")):
        if path.name not in result.files:
            path.unlink()  # of a store that had more splits, or other shards
    return result


def _common_fps(split: str, clips: Sequence[EncodedClip]) -> float:
    """Frames per second of most clips; 0 where none is known."""
    rates = sorted(clip.fps for clip in clips if clip.fps)
    if rates and rates[-1] - rates[0] > 0.01 * rates[-1]:
        log.warning("clips of %s have %.4g to %.4g frames a second; --fps makes them equal", split, rates[0], rates[-1])
    return rates[len(rates) // 2] if rates else 0.0
