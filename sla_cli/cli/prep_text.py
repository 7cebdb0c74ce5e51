"""What `sla prep` prints."""

from __future__ import annotations

from pathlib import Path

from sla_cli.config.settings import PrepConfig
from sla_cli.core.counted import counted
from sla_cli.prep.corpus import Corpus
from sla_cli.prep.result import PrepResult

LISTED = 20  # clips shown on screen; the receipt lists all


def result_text(out: Path, result: PrepResult, config: PrepConfig) -> str:
    """What `sla prep` prints at the end."""
    counts = ", ".join(f"{split} {count:,}" for split, count in result.clips.items())
    lost = f"{result.psnr:.1f} dB PSNR" if result.psnr is not None else "lossless"
    how = f"{config.codec} {config.quality}" if config.codec == "jpeg" else config.codec
    lines = [f"store {out}, clips: {counts}", f"frames: {config.size} px, {how}, {lost}"]
    if result.vocabulary:
        shares = [
            f"{split} {count['missing']:,} of {count['glosses']:,} ({100 * count['missing'] / count['glosses']:.1f} %)"
            for split, count in result.unknown.items()
            if count["glosses"]
        ]
        unknown = f"; out of vocabulary: {', '.join(shares)}" if shares else ""
        lines.append(f"glosses: {result.vocabulary:,} in train (labels {result.labels}){unknown}")
    lines.append(f"encoded now: {counted(result.encoded, 'clip')}; taken over: {result.reused:,}")
    lines += _reasons("skipped", result.skipped) + _reasons("broken, so not in the store", result.failed)
    lines += _reasons("in the store, but frames are missing", result.incomplete)
    return "\n".join(lines)


def part_text(out: Path, result: PrepResult, part: tuple[int, int]) -> str:
    """What `sla prep --part` prints at the end."""
    done = f"part {part[0]} of {part[1]}: {counted(result.encoded, 'clip')} encoded, {result.reused:,} there before"
    return f"{done}\nWhen all parts are done, the same command without --part writes {out}."


def _reasons(what: str, clips: dict[str, str]) -> list[str]:
    if not clips:
        return []
    more = [f"  and {len(clips) - LISTED:,} more, see receipt.json"] if len(clips) > LISTED else []
    listed = [f"  {name}: {reason}" for name, reason in list(clips.items())[:LISTED]]
    return [f"{what}: {counted(len(clips), 'clip')}", *listed, *more]


def about(corpus: Corpus) -> str:
    """What `sla prep --list` prints of a corpus."""
    lines = [f"{corpus.name}: {corpus.title}", f"  layout: {corpus.layout}"]
    counts = []
    for protocol, splits in corpus.counts.items():
        counts += [f"{protocol + '/' if protocol else ''}{split} {count:,}" for split, count in splits.items()]
    if counts:
        lines.append(f"  published: {', '.join(counts)} clips")
    if corpus.protocols:
        lines.append(f"  --protocol: {', '.join((f'{corpus.protocols[0]} (default)', *corpus.protocols[1:]))}")
    cleaning = corpus.profile
    official = "" if cleaning in ("none", corpus.labels) else f"; --labels {cleaning} is the official clean-up"
    return "\n".join([*lines, f"  training glosses: {corpus.labels}{official}"])
