"""What the options of `sla prep` ask for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from sla_cli.artifact.receipt import Receipt, read_receipt
from sla_cli.config.settings import DivisionConfig, PrepConfig, SourceConfig
from sla_cli.errors import SlaError
from sla_cli.prep.corpora import find_corpus
from sla_cli.prep.corpus import Corpus
from sla_cli.prep.division import check_division
from sla_cli.prep.order import Order
from sla_cli.prep.plan import choose_protocol
from sla_cli.prep.resume import OnError, PrepArguments
from sla_cli.store.store import Store

OPTIONS = {"tiers": "--tier", "tier_types": "--tier-type"}  # options whose names differ from their settings


def order_of(
    corpus: str | None,
    source: Path | None,
    stored: Mapping[str, Any],
    wanted: Mapping[str, Any],
    drawn: Mapping[str, Any],
    *,
    frames_from: Path | None,
    on_error: OnError,
    force: bool,
) -> Order:
    """What is to be stored.

    Args:
        corpus, source: None for those of `frames_from`, which are then read with the same settings.
        stored, wanted, drawn: settings of PrepConfig, SourceConfig and DivisionConfig; None if not given.

    Raises:
        SlaError: an option whose value is not allowed, or that does not fit the corpus or another option; or no corpus.
    """
    like: dict[str, Any] = {}
    if frames_from is not None:
        like = _frames_of(frames_from)
        if corpus is None:
            corpus, source, read = _reading_of(frames_from)
            wanted, like = read | _given(wanted), like | _labels_of(frames_from)
    if corpus is None or source is None:
        raise SlaError("which corpus, and where is it?", "`sla prep CORPUS SOURCE`; --list explains the corpora.")
    found = find_corpus(corpus)
    config = PrepConfig.checked(**like | _given(stored))
    if stored.get("quality") is not None and config.codec != "jpeg":
        raise SlaError(f"--quality does nothing with --codec {config.codec}", "Leave it out.")
    reading = SourceConfig.checked(**_given(wanted))
    _refuse_foreign(found, reading)
    choose_protocol(found, reading.protocol)
    division = DivisionConfig.checked(**_given(drawn))
    check_division(division)
    return Order(found, source, config, reading, division, frames_from, on_error, force)


def order_from(arguments: PrepArguments) -> Order:
    """What an unfinished store should become."""
    lender = Path(arguments.frames_from) if arguments.frames_from else None
    return Order(
        find_corpus(arguments.corpus),
        Path(arguments.source),
        PrepConfig.checked(**arguments.config),
        SourceConfig.checked(**arguments.wanted),
        DivisionConfig.checked(**arguments.division),
        lender,
        arguments.on_error,
        arguments.force,
    )


def store_name(order: Order) -> str:
    """Name of the store if none is given: made of the names of the corpus and its division."""
    protocol = choose_protocol(order.corpus, order.wanted.protocol)
    return "-".join(filter(None, (order.corpus.name, protocol, order.drawn)))


def part_of(text: str) -> tuple[int, int] | None:
    """k and n of `k/n`, None for "". Raises SlaError."""
    if not text:
        return None
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text, re.ASCII)
    part, parts = map(int, found.groups()) if found else (0, 0)
    if not 1 <= part <= parts:
        raise SlaError(f"--part {text!r} is not a part", "Give K/N with K from 1 to N, such as 3/40.")
    return part, parts


def numbers(text: str | None, option: str) -> tuple[float, ...] | None:
    """The numbers of a text such as `80,10,10`. Raises SlaError that names the option."""
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise SlaError(f"{option} {text!r} is not a list of numbers", "Write it like 80,10,10.") from error


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: tuple(value) if isinstance(value, list) else value for key, value in values.items() if value is not None
    }


def _frames_of(path: Path) -> dict[str, Any]:
    """Settings of PrepConfig with which the frames of a store were made. Raises SlaError if it is not a store."""
    store = Store(path)
    split = store[store.splits[0]]
    fps = float(_receipt(path).arguments.get("fps", 0.0))
    like = {"size": split.size, "fit": split.fit, "codec": split.codec, "fps": fps}
    return like | ({"quality": split.quality} if split.codec == "jpeg" else {})


def _reading_of(path: Path) -> tuple[str, Path, dict[str, Any]]:
    """Corpus and source of a store, and settings of SourceConfig with which it was read."""
    receipt = _receipt(path)
    if receipt.stage != "prep" or "source" not in receipt.sources or "corpus" not in receipt.arguments:
        message = f"the receipt of {path} does not record where its corpus is"
        raise SlaError(message, "Name it: `sla prep CORPUS SOURCE --frames-from STORE`.")
    names = {field.name for field in fields(SourceConfig)}
    read = {key: value for key, value in (receipt.arguments | receipt.sources).items() if key in names}
    return receipt.arguments["corpus"], Path(receipt.sources["source"]), read


def _labels_of(path: Path) -> dict[str, Any]:
    """The cleaning of training glosses of a store, as `--labels` names it."""
    store = Store(path)
    return {"labels": store[store.splits[0]].labels.partition(".")[0]}


def _receipt(path: Path) -> Receipt:
    receipt = read_receipt(path)
    if receipt is None:
        raise SlaError(f"the store {path} is not complete", "Run the same `sla prep` again.")
    return receipt


def _refuse_foreign(corpus: Corpus, reading: SourceConfig) -> None:
    """Raise SlaError for an option that the corpus does not use."""
    default = asdict(SourceConfig())
    names: Sequence[str] = [field.name for field in fields(reading) if field.name != "protocol"]
    for name in names:
        if getattr(reading, name) != default[name] and name not in corpus.takes:
            option = OPTIONS.get(name, f"--{name.replace('_', '-')}")
            raise SlaError(f"{corpus.name} takes no {option}", "Leave it out; `sla prep --list` explains the corpora.")
