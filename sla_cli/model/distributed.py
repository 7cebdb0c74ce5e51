"""The processes that work together on one job, as torchrun starts them; Accelerate connects them."""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, distributed, nn

from sla_cli.errors import SlaError, Stopped
from sla_cli.log import log
from sla_cli.model.device import place
from sla_cli.model.sync_batchnorm import SyncBatchNorm1d

if TYPE_CHECKING:
    from accelerate import Accelerator

T = TypeVar("T")


class Refusal(SlaError):
    """An error that all processes have met; only the main process reports it."""


@dataclass(frozen=True)
class ProcessGroup:
    """This process among the others; alone it is rank 0 of 1.

    Attributes:
        device: of this process, as `--device` names it.
        rank: number of this process, from 0.
        world_size: how many processes there are.
    """

    device: str = "auto"
    rank: int = 0
    world_size: int = 1
    accelerator: Accelerator | None = None

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and prints."""
        return self.rank == 0

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model as training calls it: its gradients become means over the processes as they are computed."""
        if self.accelerator is None:
            return model
        for parent in list(model.modules()):
            for name, child in parent.named_children():
                if isinstance(child, nn.BatchNorm1d):
                    setattr(parent, name, SyncBatchNorm1d(child))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # broadcast_buffers has a new name in newer torch
            return self.accelerator.prepare_model(model)

    def release(self) -> None:
        """Let go of the models that were wrapped, so that their memory is free for the next."""
        if self.accelerator is not None:
            self.accelerator.free_memory()

    def sync_gradients(self, model: nn.Module, now: bool) -> AbstractContextManager[None]:
        """Whether the backward pass exchanges gradients `now`, or keeps them for a later one of the same step."""
        return nullcontext() if self.accelerator is None or now else self.accelerator.no_sync(model)

    def wait(self) -> None:
        """Wait until all processes have come here, for as long as `join` allows."""
        if self.accelerator is not None:
            self.accelerator.wait_for_everyone()

    def sum(self, values: Tensor) -> Tensor:
        """Element-wise over all processes."""
        if self.accelerator is not None:
            distributed.all_reduce(values)
        return values

    def any(self, flag: bool) -> bool:
        """Whether it holds in at least one process."""
        if self.accelerator is None:
            return flag
        return bool(self.sum(torch.tensor([float(flag)], device=self.accelerator.device)).item())

    def gather(self, names: list[str]) -> list[str]:
        """The names of all processes."""
        if self.accelerator is None:
            return names
        from accelerate.utils import gather_object

        return gather_object(names)

    def first(self, ask: Callable[[], T]) -> T:
        """What the main process finds, sent to all. Where it raises a SlaError, all processes end."""
        if self.accelerator is None:
            return ask()
        from accelerate.utils import broadcast_object_list

        with self.agreed():
            found = ask() if self.is_main else None
        return broadcast_object_list([found])[0]

    @contextmanager
    def agreed(self) -> Iterator[None]:
        """A block that each process runs by itself. Where it fails in some processes, all end and one reports it.

        Raises:
            Refusal: the error of the failed process with the lowest rank, in that process; SystemExit in the others.
        """
        if self.accelerator is None:
            yield
            return
        problem: SlaError | None = None
        try:
            yield
        except SlaError as error:
            problem = error
        failed = self.gather([str(self.rank)] if problem else [])
        if problem and failed[0] == str(self.rank):
            raise Refusal(problem.message, problem.hint) from problem
        if failed:
            raise SystemExit(2)

    def refusal(self, message: str, hint: str) -> SlaError | SystemExit:
        """What to raise for an error that all processes have met: the main process reports it."""
        return Refusal(message, hint) if self.is_main else SystemExit(2)


ALONE = ProcessGroup()

# Messages of gloo and NCCL when another process has ended.
_PEER_ENDED = re.compile("Connection (closed|reset) by peer|Broken pipe|NCCL.*(remote process|abort)")


@contextmanager
def join(device: str, timeout: timedelta | None = None) -> Iterator[ProcessGroup]:
    """The group that torchrun's environment describes; one process without it. Only the main process logs progress.

    Args:
        device: auto, cpu or cuda; without torchrun also cuda:N.
        timeout: how long a process waits for the others; None is PyTorch's 10 minutes (NCCL) or 30 (gloo).

    Raises:
        SlaError: the device fits only one process, or does not exist; another process has ended.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ProcessGroup(device)
        return
    if device not in ("auto", "cpu", "cuda"):
        raise SlaError(f"--device {device} with several processes", "torchrun gives each a GPU: leave --device out.")
    from accelerate import Accelerator, DistributedDataParallelKwargs, InitProcessGroupKwargs

    # An adapter that no feature reads gets no gradient (method.md). Running statistics are the same everywhere already.
    wrapping = DistributedDataParallelKwargs(find_unused_parameters=True, broadcast_buffers=False)
    cpu = device == "cpu" or not torch.cuda.is_available()
    accelerator = Accelerator(
        cpu=cpu, mixed_precision="no", kwargs_handlers=[wrapping, InitProcessGroupKwargs(timeout=timeout)]
    )
    if accelerator.process_index > 0:
        log.setLevel(max(log.level, logging.WARNING))
    group = ProcessGroup(str(accelerator.device), accelerator.process_index, accelerator.num_processes, accelerator)
    try:
        with group.agreed():
            place(device, "auto")
        yield group
    except RuntimeError as error:
        if not _PEER_ENDED.search(str(error)):
            raise
        raise SlaError("another process of this job has ended", "Its own message says why.") from error
    except (Refusal, Stopped, SystemExit):
        accelerator.end_training()
        raise
    else:
        accelerator.end_training()  # not after an error of one process: the others would never answer it
