"""Compiles the blocks of the backbone for training, and falls back if the compiler does not work."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import torch

from sla_cli.config.settings import Config
from sla_cli.log import log
from sla_cli.model.backbone import Backbone
from sla_cli.model.device import Placement
from sla_cli.model.distributed import ALONE, ProcessGroup

HINT = "Repair the compiler. In a new run, use --set model.compile=off, or auto, which trains without it if it fails."


def compile_for_training(
    backbone: Backbone, config: Config, placement: Placement, group: ProcessGroup = ALONE, **options: Any
) -> None:
    """Compile the blocks if `model.compile` says so.

    Args:
        options: of `torch.compile`.

    Raises:
        SlaError: `model.compile` is `on`, and the compiler does not work.
    """
    setting = config.model.compile
    if setting == "on" or (setting == "auto" and _can_gain(placement)):
        try_to_compile(backbone, config, placement, group, required=setting == "on", **options)


def try_to_compile(
    backbone: Backbone, config: Config, placement: Placement, group: ProcessGroup, *, required: bool, **options: Any
) -> None:
    """Compile the blocks and run a forward and a backward pass. If that fails in any process, no process compiles.

    PyTorch compiles at the first call. It may compile the backward pass, or report that it cannot, only when that is
    called. In a training step this would be too late: half of the gradients exist, and other processes wait for them.
    The passes always have the same size, because kernels are generated for the first sizes: a resumed run gets the same
    kernels as before.

    Args:
        required: a failure is an error; otherwise a warning.
        options: of `torch.compile`.

    Raises:
        SlaError: it is required, but fails.
    """
    log.info("compiling the backbone's blocks for training (model.compile = %s)", config.model.compile)
    causes = group.gather(_failures(backbone, config, placement, options))
    if not causes:
        return
    backbone.uncompile_blocks()
    if required:
        raise group.refusal(f"model.compile = on, and the backbone cannot be compiled: {causes[0]}", HINT)
    if group.is_main:
        log.warning("training goes on without torch.compile, which does not work here: %s", causes[0])


def _can_gain(placement: Placement) -> bool:
    """Whether compiling can help: on a GPU if Triton is installed. On a CPU, a minute of compiling gains little."""
    if placement.cuda and find_spec("triton") is None:
        log.info("the backbone is not compiled (model.compile = auto): the package triton is not installed")
        return False
    return placement.cuda


def _failures(backbone: Backbone, config: Config, placement: Placement, options: dict[str, Any]) -> list[str]:
    """The reason why the backbone cannot be compiled; empty if it can."""
    try:
        with _without_tracebacks():
            backbone.compile_blocks(**options)
            _take_passes(backbone, config, placement)
    except Exception as error:  # noqa: BLE001 - compilers raise anything
        return [_cause(error)]
    return []


def _take_passes(backbone: Backbone, config: Config, placement: Placement) -> None:
    """Forward and backward on one clip of black frames, the shortest length in training; it leaves no state behind."""
    frames, side = max(backbone.few_frames, config.train.min_frames), config.model.image_size
    pixels = torch.zeros(frames, 3, side, side, device=placement.device)
    trained = [value for value in backbone.parameters() if value.requires_grad]
    setting, backbone.checkpointing = backbone.checkpointing, "on"  # the same code with the least memory
    try:
        with torch.random.fork_rng([placement.device] if placement.cuda else []):
            with placement.autocast():
                features = backbone.train()(pixels, torch.tensor([frames]))
            if trained:
                torch.autograd.grad(features.float().sum(), trained, allow_unused=True)
    finally:
        backbone.checkpointing = setting


@contextmanager
def _without_tracebacks() -> Iterator[None]:
    """Suppress the traceback that PyTorch logs if a backward pass does not compile: calling it raises the error."""
    logger = logging.getLogger("torch._functorch._aot_autograd")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _cause(error: BaseException) -> str:
    """The error of the compiler in one line; of the output of a C++ compiler, the line that reports the error."""
    inner = getattr(error, "inner_exception", error)
    lines = [line.strip() for line in str(inner).splitlines() if line.strip()]
    reported = [line for line in lines if "error:" in line] or lines
    return f"{type(inner).__name__}: {reported[0]}" if reported else type(inner).__name__
