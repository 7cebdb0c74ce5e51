"""curves.png: losses, dev WER and learning rate of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sla_cli.system.atomic import atomic_write
from sla_cli.train.metrics import Epoch, best_of


def draw_curves(path: Path, epochs: Sequence[Epoch]) -> None:
    """Losses (logarithmic), dev WER with its kinds of error, and learning rate, over epochs."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    figure = Figure(figsize=(9, 8))
    figure.subplots_adjust(left=0.1, right=0.98, bottom=0.07, top=0.96)  # a layout that is computed takes a second
    losses, errors, rate = figure.subplots(3, 1, sharex=True, height_ratios=(3, 3, 1))
    numbers = [epoch.number for epoch in epochs]
    for name in epochs[0].losses:
        losses.plot(numbers, [epoch.losses[name] for epoch in epochs], ".-", label=name, lw=2 if name == "loss" else 1)
    losses.set(ylabel="training loss, mean over clips", yscale="log")
    losses.yaxis.set(major_locator=LogLocator(subs=(1, 2, 5)), major_formatter="{x:g}", minor_locator=NullLocator())
    for name in ("substitutions", "deletions", "insertions"):
        shares = [100 * getattr(epoch.dev, name) / epoch.dev.ref_words for epoch in epochs]
        errors.plot(numbers, shares, ".-", label=name, lw=1)
    errors.plot(numbers, [epoch.dev.wer for epoch in epochs], "k.-", label="dev WER", lw=2)
    best = best_of(epochs)
    errors.plot([best.number], [best.dev.wer], "ko", ms=9, mfc="none")
    errors.set_title(f"best: {best.dev.wer:.1f} % in epoch {best.number}", loc="left", fontsize="medium")
    errors.set(ylabel="% of the reference glosses", ylim=(0, None))
    rate.plot(numbers, [epoch.lr for epoch in epochs], ".-", color="grey")
    rate.set(xlabel="epoch", ylabel="learning rate", ylim=(0, None))
    rate.ticklabel_format(axis="y", scilimits=(0, 0))
    rate.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in (losses, errors, rate):
        axes.grid(alpha=0.3)
    for axes in (losses, errors):
        axes.legend(ncols=5, loc="lower right", bbox_to_anchor=(1, 1), frameon=False, fontsize="small")
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
