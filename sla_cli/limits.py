"""Which values a setting may have: its type, its choices, its bounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin

from sla_cli.errors import SlaError, suggestion


def fitting(key: str, value: Any, hint: Any, where: str) -> Any:
    """The value as its setting holds it. Raises SlaError where it is of another type or out of bounds."""
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise SlaError(f"{where}: {key} is {value!r}", suggestion(str(value), get_args(hint)))
        return value
    name, fits, convert = _KINDS[hint]
    if not fits(value):
        raise SlaError(f"{where}: {key} is {value!r}", f"It must be {name}.")
    least, most = _BOUNDS.get(key, (-math.inf, math.inf))
    if key in _BOUNDS and not least <= value <= most:
        raise SlaError(f"{where}: {key} is {value!r}", f"It must lie between {least} and {most}.")
    return convert(value)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return _whole(value) or (isinstance(value, float) and math.isfinite(value))


# Type of a setting: its name, whether a value is one, and what makes it one.
_KINDS: dict[Any, tuple[str, Callable[[Any], bool], Callable[[Any], Any]]] = {
    bool: ("true or false", lambda value: isinstance(value, bool), bool),
    int: ("a whole number", _whole, int),
    float: ("a number", _number, float),
    str: ("text", lambda value: isinstance(value, str), str),
    tuple[int, ...]: (
        "a list of whole numbers, as in [20, 30]",
        lambda value: isinstance(value, list | tuple) and all(map(_whole, value)),
        tuple,
    ),
    dict[str, Any]: ("a table, as in {depth = 2}", lambda value: isinstance(value, dict), dict),
}

# Beyond these a run ends in an error that names no setting.
_BOUNDS = {
    "model.image_size": (1, math.inf),
    "adapter.width": (0, math.inf),
    "adapter.kernel": (1, math.inf),
    "lora.rank": (1, math.inf),
    "lora.dropout": (0, 1),
    "lora.share": (0, 0.5),
    "head.channels": (1, math.inf),
    "head.lstm_layers": (1, math.inf),
    "head.lstm_width": (0, math.inf),
    "head.dropout": (0, 1),
    "loss.conv_ctc": (0, math.inf),
    "loss.distillation": (0, math.inf),
    "loss.temperature": (0.01, math.inf),
    "loss.frame_ctc": (0, math.inf),
    "train.epochs": (1, math.inf),
    "train.batch": (1, math.inf),
    "train.lr": (0, math.inf),
    "train.seed": (0, math.inf),
    "train.crop": (0.1, 1),
    "train.flip": (0, 1),
    "train.rescale": (0, 0.9),
    "train.min_frames": (1, math.inf),
    "train.max_frames": (1, math.inf),
    "train.batch_frames": (0, math.inf),
    "train.bucket": (0, math.inf),
    "train.accumulate": (1, math.inf),
    "train.adapter_lr": (0, math.inf),
    "train.weight_decay": (0, math.inf),
    "train.clip_norm": (0, math.inf),
    "train.warmup": (0, math.inf),
    "train.floor": (0, 1),
    "train.gamma": (0, 1),
    "train.ema": (0, 0.999999),
    "train.patience": (0, math.inf),
    "train.save_minutes": (0, math.inf),
    "train.drop": (0, 0.9),
    "train.jitter": (0, 0.9),
    "train.erase": (0, 1),
}
