"""The processes of one job, started by torchrun and connected by Accelerate."""

from __future__ import annotations

import logging
import os
import re
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.distributed.nn.functional import all_reduce

from sla_cli.errors import SlaError, Stopped, some
from sla_cli.log import log
from sla_cli.model.device import place
from sla_cli.system.variables import number_given

if TYPE_CHECKING:
    from accelerate import Accelerator

T = TypeVar("T")

# What follows the last epoch is computed by one process, over all clips of train: more than PyTorch's 10 minutes on
# the corpora of the field.
LONGEST_WAIT = timedelta(hours=6)
OFTEN = 0.2  # seconds after which it is looked whether the wait is over

# The exit code of processes that leave the report of an error to another one, which ends with 2. It must be 0: if a
# process fails, torchrun ends the others at once, also the one that has not yet printed the error.
_SILENT, _REFUSED = 0, 2  # exit codes; torchrun ends the other processes if one is not 0


class Refusal(SlaError):
    """An error that occurred in all processes; only the main process reports it."""


@dataclass(frozen=True)
class ProcessGroup:
    """This process and the others; without torchrun it is rank 0 of 1.

    Attributes:
        device: device of this process, in the form of `--device`.
        rank: number of this process, from 0.
        world_size: number of processes.
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
        """The model for training: its gradients are averaged over the processes as they are computed."""
        if self.accelerator is None:
            return model
        for parent in list(model.modules()):
            for name, child in parent.named_children():
                if isinstance(child, nn.BatchNorm1d):
                    setattr(parent, name, SyncBatchNorm1d(child))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # broadcast_buffers is renamed in newer torch
            return self.accelerator.prepare_model(model)

    def release(self) -> None:
        """Release the wrapped models and their memory."""
        if self.accelerator is not None:
            self.accelerator.free_memory()

    def sync_gradients(self, model: nn.Module, now: bool) -> AbstractContextManager[None]:
        """Exchange gradients in this backward pass if `now`, else in a later one of the same step."""
        return nullcontext() if self.accelerator is None or now else self.accelerator.no_sync(model)

    def wait(self) -> None:
        """Wait until all processes are here, up to the timeout of `join`."""
        if self.accelerator is not None:
            self.accelerator.wait_for_everyone()

    def wait_for_main(self, name: str) -> None:
        """Wait until the main process is here, longer than the timeout of `join`, with a name for this moment.

        No collective call, in which all would give up after that timeout: each looks in the store where they met.
        """
        if self.accelerator is None:
            return
        store = distributed.distributed_c10d._get_default_store()
        latest = time.monotonic() + LONGEST_WAIT.total_seconds()
        if self.is_main:
            store.set(name, "here")
        while not store.check([name]) and time.monotonic() < latest:
            time.sleep(OFTEN)

    def sum(self, values: Tensor) -> Tensor:
        """Element-wise over all processes."""
        if self.accelerator is not None:
            distributed.all_reduce(values)
        return values

    def any(self, flag: bool) -> bool:
        """Whether it is true in at least one process."""
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
        """The result of the main process, sent to all. If it raises a SlaError, all processes end."""
        if self.accelerator is None:
            return ask()
        from accelerate.utils import broadcast_object_list

        with self.agreed():
            found = ask() if self.is_main else None
        return broadcast_object_list([found])[0]

    @contextmanager
    def agreed(self) -> Iterator[None]:
        """A block that each process runs separately. If it fails in some processes, all end and one reports it.

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
            raise SystemExit(_SILENT)

    def refusal(self, message: str, hint: str) -> SlaError | SystemExit:
        """The exception for an error that occurred in all processes: the main process reports it.

        They wait for each other: one that leaves while another still starts would be what that one reports.
        """
        self.wait()
        return Refusal(message, hint) if self.is_main else SystemExit(_SILENT)


ALONE = ProcessGroup()

# Messages of gloo and NCCL if another process has ended.
_PEER_ENDED = re.compile("Connection (closed|reset) by peer|Broken pipe|NCCL.*(remote process|abort)")


@contextmanager
def join(device: str, timeout: timedelta | None = None) -> Iterator[ProcessGroup]:
    """The group that torchrun's environment describes; one process without it. Only the main process logs progress.

    Args:
        device: auto, cpu or cuda; without torchrun also cuda:N.
        timeout: how long a process waits for the others; None is PyTorch's 10 minutes (NCCL) or 30 (gloo).

    Raises:
        SlaError: the device fits only one process, or does not exist; another process has ended; variables of
            torchrun are missing, or hold no number.
    """
    processes = number_given("WORLD_SIZE") or 1
    if processes == 1:
        yield ProcessGroup(device)
        return
    _check_variables(processes)
    if device not in ("auto", "cpu", "cuda"):
        raise SlaError(
            f"--device {device} cannot be used with several processes",
            "torchrun gives each process a GPU: leave --device out.",
        )
    from accelerate import Accelerator, DistributedDataParallelKwargs, InitProcessGroupKwargs

    # An adapter that no feature uses gets no gradient (method.md). Running statistics are equal in all processes
    # already.
    wrapping = DistributedDataParallelKwargs(find_unused_parameters=True, broadcast_buffers=False)
    cpu = device == "cpu" or not torch.cuda.is_available()
    accelerator = Accelerator(
        cpu=cpu, mixed_precision="no", kwargs_handlers=[wrapping, InitProcessGroupKwargs(timeout=timeout)]
    )
    if accelerator.process_index > 0:
        log.setLevel(max(log.level, logging.WARNING))
    own = "cpu" if cpu else str(accelerator.device)  # Accelerate numbers CPUs, too
    group = ProcessGroup(own, accelerator.process_index, accelerator.num_processes, accelerator)
    try:
        with group.agreed():
            place(device, "auto")
        yield group
    except RuntimeError as error:
        if not _PEER_ENDED.search(str(error)):
            raise
        raise SlaError("another process of this job has ended", "Its own message gives the reason.") from error
    except Refusal as error:
        # Said before the farewell: after it another process may end first, and torchrun then ends this one at once.
        log.error("%s", f"{error.message}; {error.hint}" if error.hint else error.message)
        accelerator.end_training()
        raise SystemExit(_REFUSED) from error
    except (Stopped, SystemExit):
        accelerator.end_training()
        raise
    else:
        accelerator.end_training()  # not after an error of one process: the others would not respond


def _check_variables(processes: int) -> None:
    """Raise SlaError if the environment does not say which of several processes this one is, and where they meet."""
    rank, local = number_given("RANK", 0), number_given("LOCAL_RANK", 0)
    place = {"RANK": rank, "LOCAL_RANK": local, "MASTER_PORT": number_given("MASTER_PORT")}
    missing = [name for name, number in place.items() if number is None]
    if not os.environ.get("MASTER_ADDR"):
        missing.append("MASTER_ADDR")
    hint = "torchrun sets them all; for one process `unset WORLD_SIZE`."
    if missing:
        raise SlaError(f"WORLD_SIZE is {processes} without {some(missing)}", hint)
    for name, number in (("RANK", rank), ("LOCAL_RANK", local)):
        if number is not None and number >= processes:
            raise SlaError(f"{name} is {number}, but WORLD_SIZE is {processes}, and ranks begin at 0", hint)


class SyncBatchNorm1d(nn.BatchNorm1d):
    """Normalises as if the steps of all processes were in one batch. The same state as BatchNorm1d."""

    def __init__(self, norm: nn.BatchNorm1d) -> None:
        super().__init__(norm.num_features, norm.eps, norm.momentum, norm.affine)
        assert norm.running_mean is not None
        self.to(norm.running_mean.device)
        self.load_state_dict(norm.state_dict())

    def forward(self, x: Tensor) -> Tensor:
        """x: (clips, channels, time) → float32 of the same shape."""
        if not self.training:
            return super().forward(x)
        x = x.float()
        count = all_reduce(torch.full((1,), float(x.shape[0] * x.shape[2]), device=x.device))
        mean = all_reduce(x.sum((0, 2))) / count
        centred = x - mean.view(1, -1, 1)
        variance = all_reduce(centred.square().sum((0, 2))) / count
        with torch.no_grad():
            assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
            assert self.num_batches_tracked is not None
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
            self.num_batches_tracked += 1
        scale = (variance + self.eps).rsqrt()
        if not self.affine:
            return centred * scale.view(1, -1, 1)
        return centred * (self.weight * scale).view(1, -1, 1) + self.bias.view(1, -1, 1)
