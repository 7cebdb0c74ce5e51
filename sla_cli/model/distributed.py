"""The processes that train one model together, as torchrun starts them; Accelerate does the plumbing."""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, distributed, nn

from sla_cli.errors import SlaError, Stopped
from sla_cli.log import log
from sla_cli.model.device import place
from sla_cli.model.sync_batchnorm import TeamNorm

if TYPE_CHECKING:
    from accelerate import Accelerator

T = TypeVar("T")


class Refusal(SlaError):
    """What all processes have come upon alike; the first speaks for them."""


@dataclass(frozen=True)
class Team:
    """This process among the others; alone it is number 0 of 1.

    Attributes:
        device: what `--device` would have to say for this process.
    """

    device: str = "auto"
    number: int = 0
    world: int = 1
    accelerator: Accelerator | None = None

    @property
    def leads(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.number == 0

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model as it is called in training: gradients become means over the processes while they are computed."""
        if self.accelerator is None:
            return model
        for parent in list(model.modules()):
            for name, child in parent.named_children():
                if isinstance(child, nn.BatchNorm1d):
                    setattr(parent, name, TeamNorm(child))
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", FutureWarning
            )  # the new name of broadcast_buffers is younger than our torch
            wrapped: nn.Module = self.accelerator.prepare_model(model)
        return wrapped

    def exchanges(self, model: nn.Module, now: bool) -> AbstractContextManager[None]:
        """Whether the backward pass exchanges gradients or keeps them for a later one of the same step."""
        return nullcontext() if self.accelerator is None or now else self.accelerator.no_sync(model)

    def sum(self, values: Tensor) -> Tensor:
        """Element by element over all processes."""
        if self.accelerator is not None:
            distributed.all_reduce(values)
        return values

    def any(self, flag: bool) -> bool:
        """Whether it holds in some process."""
        if self.accelerator is None:
            return flag
        return bool(self.sum(torch.tensor([float(flag)], device=self.accelerator.device)).item())

    def gather(self, names: list[str]) -> list[str]:
        """The names of all processes."""
        if self.accelerator is None:
            return names
        from accelerate.utils import gather_object

        gathered: list[str] = gather_object(names)
        return gathered

    def first(self, ask: Callable[[], T]) -> T:
        """What the first process finds, told to all. Where it raises a SlaError, all leave."""
        if self.accelerator is None:
            return ask()
        from accelerate.utils import broadcast_object_list

        with self.agreed():
            found = ask() if self.leads else None
        answer: list[T] = broadcast_object_list([found])
        return answer[0]

    @contextmanager
    def agreed(self) -> Iterator[None]:
        """Something that all processes do without a word to each other. Where some fail, all leave and one speaks.

        Raises:
            Refusal: what went wrong, in the first process where it did; SystemExit in the others.
        """
        if self.accelerator is None:
            yield
            return
        problem: SlaError | None = None
        try:
            yield
        except SlaError as error:
            problem = error
        failed = self.gather([str(self.number)] if problem else [])
        if problem and failed[0] == str(self.number):
            raise Refusal(problem.message, problem.hint) from problem
        if failed:
            raise SystemExit(2)

    def refusal(self, message: str, hint: str) -> SlaError | SystemExit:
        """What to raise where all processes have come upon the same: the first speaks for them."""
        return Refusal(message, hint) if self.leads else SystemExit(2)


# What gloo and NCCL say of a process that is gone.
_LEFT_ALONE = re.compile("Connection (closed|reset) by peer|Broken pipe|NCCL.*(remote process|abort)")


@contextmanager
def join(device: str) -> Iterator[Team]:
    """The team that torchrun's environment speaks of; alone without one. Only the first process logs progress.

    Raises:
        SlaError: the device fits only one process, or is not there; another process has left.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Team(device)
        return
    if device not in ("auto", "cpu", "cuda"):
        raise SlaError(f"--device {device} with several processes", "torchrun gives each a GPU: leave --device out.")
    from accelerate import Accelerator, DistributedDataParallelKwargs

    # An adapter that no feature reads gets no gradient (method.md). Running statistics are the same everywhere already.
    how = DistributedDataParallelKwargs(find_unused_parameters=True, broadcast_buffers=False)
    cpu = device == "cpu" or not torch.cuda.is_available()
    accelerator = Accelerator(cpu=cpu, mixed_precision="no", kwargs_handlers=[how])
    if accelerator.process_index > 0:
        log.setLevel(max(log.level, logging.WARNING))
    team = Team(str(accelerator.device), accelerator.process_index, accelerator.num_processes, accelerator)
    try:
        with team.agreed():
            place(device, "auto")
        yield team
    except RuntimeError as error:
        if not _LEFT_ALONE.search(str(error)):
            raise
        raise SlaError("another process of this training has ended", "What it said itself is the reason.") from error
    except (Refusal, Stopped, SystemExit):
        accelerator.end_training()
        raise
    else:
        accelerator.end_training()  # not after an error of one process: the others would never answer it
