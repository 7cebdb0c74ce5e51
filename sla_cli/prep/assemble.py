"""Makes a store from encoded clips: writes its files and divisions, and states what the receipt records."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sla_cli.artifact.receipt import read_receipt, receipt_path
from sla_cli.config.settings import PrepConfig
from sla_cli.core.alike import among
from sla_cli.core.clip import SPLITS, Clip
from sla_cli.core.counted import counted
from sla_cli.core.quantities import rates_differ
from sla_cli.errors import SlaError, some
from sla_cli.log import log
from sla_cli.prep.draw_division import is_fold
from sla_cli.prep.encoding.cache import FramesOnDisk
from sla_cli.prep.encoding.encode import psnr
from sla_cli.prep.encoding.process_pool import Executor
from sla_cli.prep.plan import Plan
from sla_cli.prep.result import PrepResult, division_figures
from sla_cli.prep.write import write_files
from sla_cli.store.division import Division, check_unedited, read_division, write_division
from sla_cli.store.left_out import add_clips_left_out
from sla_cli.store.paths import division_names, division_path

WARNED = 5  # most incomplete clips in the log; the receipt has all


def write_store(
    out: Path,
    plan: Plan,
    encoded: Mapping[str, FramesOnDisk],
    failed: Mapping[str, str],
    config: PrepConfig,
    engine: Executor,
) -> PrepResult:
    """Write the missing and outdated files and the corpus's divisions; remove what does not belong to the store: other
    files, and divisions of a corpus that was here before.

    Args:
        encoded: by clip id, all clips that can be stored.
        failed: by clip id, why the others cannot.
    """
    if not encoded:
        raise SlaError(f"no clip can be stored: {some(failed.values(), 1)}", "Fix them, and run it again.")
    _warn_of_rates(encoded.values())
    divisions = [_of_stored(division, encoded, failed) for division in plan.divisions]
    glosses = {clip.id: clip.training for clip in plan.clips}
    result = PrepResult(
        clips=len(encoded),
        divisions={division.name: division_figures(division, glosses) for division in divisions},
        skipped=plan.skipped,
        failed=dict(failed),
        incomplete=_incomplete(plan.clips, encoded, resampled=bool(config.fps)),
        labels=plan.header.labels,
        psnr=psnr(clip.squared_error for clip in encoded.values()),
    )
    old, there = read_receipt(out), division_names(out)
    former = {} if old is None else old.results.get("divisions", {})
    gone = [found for name in former if name not in result.divisions and (found := among(name, there)) in there]
    own = {*result.divisions, *gone}
    _warn_of_unlisted(out, [name for name in there if name not in own], plan.clips)
    check_unedited(out, own, "corpus")  # again: encoding may have taken hours
    add_clips_left_out(out, plan.left_out)
    receipt_path(out).unlink(missing_ok=True)  # from here until the new receipt the store is incomplete
    for name in gone:
        division_path(out, name).unlink(missing_ok=True)
    for division in divisions:
        write_division(out, division)
    places = [(clip, encoded.get(clip.id)) for clip in plan.clips]
    result.files = write_files(out, plan.header, places, config.shard_clips, engine)
    return result


def _of_stored(division: Division, encoded: Container[str], failed: Mapping[str, str]) -> Division:
    """The clips of a division that can be stored. Raises SlaError if a split loses all its clips."""
    splits = {clip: split for clip, split in division.splits.items() if clip in encoded}
    for split in SPLITS:
        lost = [clip for clip, of in division.splits.items() if of == split]
        if lost and split not in splits.values():
            reasons = [failed[clip] for clip in lost if clip in failed]
            message = f"no clip of {split} can be stored: {some(reasons, 1)}"
            raise SlaError(message, f"Fix them, or take {split} out of the corpus's tables, and run it again.")
    return replace(division, splits=splits)


def _warn_of_unlisted(out: Path, names: Sequence[str], clips: Sequence[Clip]) -> None:
    """Say which clips are in no split of a division that `sla split` made."""
    for name in names:
        found = read_division(division_path(out, name))
        if new := [clip.id for clip in clips if clip.glosses and clip.id not in found.splits]:
            what = counted(len(new), "annotated clip is", "annotated clips are")
            how = "; `sla split` continues it" if found.drawn and not found.edited else ""
            if how and is_fold(found.drawn):
                how += "; if there are new groups, draw all folds again, with --force"
            log.warning("%s in no split of division %s%s: %s", what, name, how, some(new))


def _incomplete(clips: Sequence[Clip], encoded: Mapping[str, FramesOnDisk], *, resampled: bool) -> dict[str, str]:
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


def _warn_of_rates(clips: Iterable[FramesOnDisk]) -> None:
    rates = sorted(clip.fps for clip in clips if clip.fps)
    if rates_differ(rates):
        log.warning("clips have %.4g to %.4g frames per second; --fps makes them equal", rates[0], rates[-1])
