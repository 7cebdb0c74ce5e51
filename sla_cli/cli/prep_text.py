"""What `sla prep` reads and prints."""

from __future__ import annotations

from pathlib import Path

from sla_cli.config.settings import PrepConfig
from sla_cli.core.clip import SPLITS, signer_key
from sla_cli.core.counted import counted
from sla_cli.errors import argument
from sla_cli.prep.corpus import Corpus
from sla_cli.prep.result import DivisionFigures, PrepResult
from sla_cli.store.paths import division_names

LISTED = 20  # clips shown on screen; the receipt lists all


def result_text(out: Path, result: PrepResult, config: PrepConfig) -> str:
    """What `sla prep` prints at the end."""
    no_loss = "no loss in sampled frames" if config.codec == "jpeg" else "lossless"
    lost = f"{result.psnr:.1f} dB PSNR" if result.psnr is not None else no_loss
    how = f"{config.codec} {config.quality}" if config.codec == "jpeg" else config.codec
    lines = [f"store {out}: {counted(result.clips, 'clip')}", f"frames: {config.size} px, {how}, {lost}"]
    lines += [_division_text(name, figures, result.labels) for name, figures in result.divisions.items()]
    if not result.divisions and not division_names(out):
        lines.append(f"no division into train, dev and test{_how_to_divide(out)}")
    lines.append(f"encoded now: {counted(result.encoded, 'clip')}; taken over: {result.reused:,}")
    lines += _reasons("skipped", result.skipped) + _reasons("broken, so not in the store", result.failed)
    lines += _reasons("in the store, but frames are missing", result.incomplete)
    return "\n".join(lines)


def _division_text(name: str, figures: DivisionFigures, labels: str) -> str:
    counts = ", ".join(f"{split} {count:,}" for split, count in figures.clips.items())
    text = f"division {name}: {counts}"
    if not figures.vocabulary:
        return text
    shares = [
        f"{split} {count['missing']:,} of {count['glosses']:,} ({100 * count['missing'] / count['glosses']:.1f} %)"
        for split, count in figures.unknown.items()
    ]
    unknown = f"; out of vocabulary: {', '.join(shares)}" if shares else ""
    return f"{text}; glosses: {figures.vocabulary:,} in train (labels {labels}){unknown}"


def _how_to_divide(out: Path) -> str:
    """What draws a division of a store; "" if nothing does, as no clip has glosses."""
    from sla_cli.store.division import Division
    from sla_cli.store.store import Store

    clips = Store(out, Division("", {})).clips
    signers = [signer for signer, glosses in zip(clips.signers, clips.raw_glosses, strict=True) if glosses]
    if not signers:
        return ", as no clip has glosses"
    by_signer = all(signers) and len(set(map(signer_key, signers))) >= len(SPLITS)  # fewer cannot fill all splits
    return f"; `sla split {argument(out)} --by {'signer' if by_signer else 'sentence'}` draws one"


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
    """The help of the command of a corpus: what SOURCE contains, and what is published."""
    counts = [
        f"{division} {', '.join(f'{split} {count:,}' for split, count in splits.items())}"
        for division, splits in corpus.counts.items()
    ]
    published = [f"Published clips: {'; '.join(counts)}."] if counts else []
    cleaning = corpus.profile
    official = "" if cleaning in ("none", corpus.labels) else f"; --labels {cleaning} is the official clean-up"
    lines = [
        f"{corpus.title}.",
        f"SOURCE: {corpus.layout}.",
        *published,
        f"Training glosses: {corpus.labels}{official}.",
    ]
    return "\n\n".join(lines)
