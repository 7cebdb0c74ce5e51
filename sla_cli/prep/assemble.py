"""Makes a store from encoded clips: decides which files it has, and what the receipt records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sla_cli.artifact.receipt import receipt_path
from sla_cli.core.clip import Clip
from sla_cli.core.counted import counted
from sla_cli.errors import SlaError, some
from sla_cli.log import log
from sla_cli.prep.cache import EncodedClip, EncodingCache
from sla_cli.prep.encode import psnr
from sla_cli.prep.plan import Plan
from sla_cli.prep.process_pool import Executor
from sla_cli.prep.result import PrepResult
from sla_cli.prep.write import is_written, plan_files, write_files
from sla_cli.store.content import SplitHeader
from sla_cli.store.paths import store_files

WARNED = 5  # most incomplete clips in the log; the receipt has all


def write_store(
    out: Path,
    header: SplitHeader,
    plan: Plan,
    encoded: Mapping[str, EncodedClip],
    failed: Mapping[str, str],
    cache: EncodingCache,
    engine: Executor,
) -> PrepResult:
    """Write files that are missing or outdated, and remove those that do not belong to the store.

    Args:
        header: what is the same for all splits; its frame rate is for splits in which no clip has its own.
        encoded: by clip id, all clips that can be stored.
    """
    result = PrepResult(
        skipped=plan.skipped,
        failed=dict(failed),
        incomplete=_incomplete(plan.clips, encoded, resampled=bool(cache.config.fps)),
        labels=header.labels,
        vocabulary=len(plan.vocabulary),
        unknown=plan.unknown,
        psnr=psnr(clip.squared_error for clip in encoded.values()),
    )
    files = []
    for split, planned in plan.splits.items():
        clips = [encoded[item.clip.id] for item in planned if item.clip.id in encoded]
        if not clips:
            reasons = [failed[item.clip.id] for item in planned]
            raise SlaError(f"no clip of {split} can be stored: {some(reasons, 1)}", "Fix them, and run it again.")
        fps = _common_fps(split, clips) or header.fps
        of_split = replace(header, split=split, fps=fps, annotated=split in plan.annotated)
        files += plan_files(out, of_split, planned, encoded, cache)
        result.clips[split] = len(clips)
    result.files = [file.path.name for file in files]
    receipt_path(out).unlink(missing_ok=True)  # from here until the new receipt the store is incomplete
    write_files([file for file in files if not is_written(file)], engine)
    for path in store_files(out):
        if path.name not in result.files:
            path.unlink()  # files of a store that had more splits, or other shards
    return result


def _incomplete(clips: Sequence[Clip], encoded: Mapping[str, EncodedClip], *, resampled: bool) -> dict[str, str]:
    """By clip id what its recording lacks, according to the numbers of its pictures, or to the length in a table."""
    found = {}
    for clip in (clip for clip in clips if clip.id in encoded):
        frames, note = encoded[clip.id].frames, encoded[clip.id].note
        if clip.frames and clip.frames != frames and not resampled:
            note = "; ".join(filter(None, (note, f"{counted(frames, 'frame')}, but {clip.frames} in the table")))
        if note:
            found[clip.id] = f"{clip.where}: {note}" if clip.where else note
    for name, note in list(found.items())[:WARNED]:
        log.warning("clip %s is incomplete: %s", name, note)
    if len(found) > WARNED:
        log.warning("and so %s", counted(len(found) - WARNED, "more clip"))
    return found


def _common_fps(split: str, clips: Sequence[EncodedClip]) -> float:
    """Frames per second of most clips; 0 if none is known."""
    rates = sorted(clip.fps for clip in clips if clip.fps)
    if rates and rates[-1] - rates[0] > 0.01 * rates[-1]:
        log.warning(
            "clips of %s have %.4g to %.4g frames per second; --fps makes them equal", split, rates[0], rates[-1]
        )
    return rates[len(rates) // 2] if rates else 0.0
