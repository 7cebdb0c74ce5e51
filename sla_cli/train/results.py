"""What training reports: known without torch, so that `sla schema` needs none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sla_cli.core.counted import counted
from sla_cli.core.quantities import Amount, Count, Positive


@dataclass(frozen=True)
class Module:
    """A part of the model.

    Attributes:
        name: name of the part
        total: number of parameters
        trained: number of trained parameters
    """

    name: str
    total: Count
    trained: Count


@dataclass(frozen=True)
class CopiedWeights:
    """What was copied from the run that a run started from.

    Attributes:
        run: path of that run's folder
        tensors: number of trained tensors that are copied, fully or in part
        of_tensors: number of all trained tensors
        glosses: number of glosses that both runs have
        of_glosses: number of all glosses
    """

    run: str
    tensors: Count
    of_tensors: Count
    glosses: Count
    of_glosses: Count

    def __str__(self) -> str:
        return (
            f"{self.tensors} of {self.of_tensors} tensors and the classifiers' rows of {self.glosses} of "
            f"{self.of_glosses} glosses are copied from {self.run}"
        )


@dataclass(frozen=True)
class Forecast:
    """The cost of a run.

    Attributes:
        modules: parts of the model
        device: device on which training would run
        precision: data type in which the backbone would compute: `float32`, `bfloat16` or `float16`
        clips: number of clips in an epoch
        frames: number of frames in an epoch
        steps: number of steps in an epoch
        heaviest: frames of the largest step
        memory_mib: memory that this step took, in MiB
        step_seconds: duration of this step in seconds
        epoch_seconds: estimated duration of an epoch without scoring dev, in seconds
        features_seconds: estimated duration of computing the features once, in seconds; 0 without `train.keep_views`
        run_seconds: estimated duration of the run without scoring dev, in seconds
        init_from: what is copied from the run of `--init-from`; null without it
    """

    modules: tuple[Module, ...]
    device: str
    precision: str
    clips: Count
    frames: Count
    steps: Count
    heaviest: Count
    memory_mib: Amount
    step_seconds: Amount
    epoch_seconds: Amount
    features_seconds: Amount
    run_seconds: Amount
    init_from: CopiedWeights | None

    def text(self) -> str:
        """Lines for people."""
        total, trained = (sum(getattr(part, key) for part in self.modules) for key in ("total", "trained"))
        parts = [*self.modules, Module("all", total, trained)]
        rows = [("module", "parameters", "trained")]
        rows += [(part.name, f"{part.total:,}", f"{part.trained:,}" if part.trained else "-") for part in parts]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        table = ["  ".join((a.ljust(widths[0]), b.rjust(widths[1]), c.rjust(widths[2]))) for a, b, c in rows]
        epoch, features, run = (
            timedelta(seconds=round(value)) for value in (self.epoch_seconds, self.features_seconds, self.run_seconds)
        )
        once = f"{features} for the features once, " if self.features_seconds else ""
        return "\n".join(table) + (
            f"\n\none epoch: {counted(self.clips, 'clip')}, about {counted(self.frames, 'frame')}, "
            f"{counted(self.steps, 'step')}\n"
            f"the largest step: {counted(self.heaviest, 'frame')}, {self.step_seconds:.2f} s, "
            f"{self.memory_mib / 1024:.1f} GiB on {self.device} in {self.precision}\n"
            f"time: {once}about {epoch} per epoch, {run} in total, without scoring dev"
            + (f"\nstart: {self.init_from}" if self.init_from else "")
        )


@dataclass(frozen=True)
class Trained:
    """A run.

    Attributes:
        run: path of the run's folder
        seed: seed of the run
        best_epoch: number of the best epoch, from 1; its weights are kept
        dev_wer: word error rate of this epoch on dev, in percent
    """

    run: Path
    seed: Count
    best_epoch: Positive
    dev_wer: Amount

    def text(self) -> str:
        """A line for people."""
        return f"run {self.run}: best dev WER {self.dev_wer:.2f} % in epoch {self.best_epoch}"


@dataclass(frozen=True)
class TrainedSeeds:
    """Also for `--resume`, if it continues runs of several seeds.

    Attributes:
        name: beginning of the names of the runs
        runs: one object for each seed
        dev_wer: mean word error rate of the runs on dev, in percent
        spread: standard deviation between seeds, in points; null for one seed
        interval: lower and upper end of the interval of the mean, for other seeds on the same clips, in percent; null
            for one seed
        level: confidence level of the interval, in percent
    """

    name: str
    runs: tuple[Trained, ...]
    dev_wer: Amount
    spread: Amount | None
    interval: tuple[float, float] | None
    level: float

    def text(self) -> str:
        """A line for each run, and one for all."""
        text = f"{self.name}: mean of the best dev WER {self.dev_wer:.2f} % of {counted(len(self.runs), 'seed')}"
        if self.spread is not None and self.interval is not None:
            rates = [one.dev_wer for one in self.runs]
            text += (
                f", spread {self.spread:.2f} ({min(rates):.2f} to {max(rates):.2f}), {self.level:g} % interval "
                f"{self.interval[0]:.2f} to {self.interval[1]:.2f} for other seeds on the same clips"
            )
        return "\n".join([*(one.text() for one in self.runs), text])
