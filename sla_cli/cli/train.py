"""sla train"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sla_cli.cli.options import WORK, Device, Force, Json, Quiet, Verbose, Work, answer
from sla_cli.config import PRESETS, resolve
from sla_cli.errors import SlaError

PRESET_HELP = "; ".join(f"{name}: {preset.description}" for name, preset in PRESETS.items())


def train(
    store: Annotated[Path | None, typer.Argument(help="Store folder; the only one without it.")] = None,
    variant: Annotated[str | None, typer.Option(help="adapter, lora or frozen.")] = None,
    preset: Annotated[str, typer.Option(help=PRESET_HELP)] = "base",
    backbone: Annotated[str | None, typer.Option(help="Any timm ViT.")] = None,
    weights: Annotated[str | None, typer.Option(help="The backbone's weights: hub, random, or a file.")] = None,
    image_size: Annotated[int | None, typer.Option(help="Input size of the backbone in pixels.")] = None,
    layers: Annotated[str | None, typer.Option(help="Blocks to adapt: all, last:K, or 0,5,11.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Times through the training clips.", min=1)] = None,
    batch: Annotated[int | None, typer.Option(help="Clips a batch.", min=1)] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate.")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, fp32, bf16 or fp16.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of weights, order and augmentation.", min=0)] = None,
    config: Annotated[Path | None, typer.Option("--config", help="TOML file, as a run's config.toml.")] = None,
    sets: Annotated[
        list[str] | None, typer.Option("--set", help="section.key=value, any setting of config.toml; repeatable.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the run; VARIANT-N without it.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the newest unfinished run, or --name.")] = False,
    device: Device = "auto",
    work: Work = WORK,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Train the adapters and the temporal head on a store; dev WER after each epoch.

    Settings resolve in this order: preset, --config, --set, explicit options.
    """
    flags = {
        "model.variant": variant,
        "model.backbone": backbone,
        "model.weights": weights,
        "model.image_size": image_size,
        "model.layers": layers,
        "train.epochs": epochs,
        "train.batch": batch,
        "train.lr": lr,
        "train.precision": precision,
        "train.seed": seed,
    }
    changed = [key.partition(".")[2] for key, value in flags.items() if value is not None]
    if resume and (changed or sets or config or store):
        raise SlaError("--resume continues a run with its own settings; it takes no store and no settings")
    settings = resolve(preset, config, sets or (), flags)
    if name is not None and (not name or "/" in name or name.startswith(".")):
        raise SlaError(f"--name {name!r} cannot name a folder", "Use letters, digits, - and _.")

    from sla_cli.formats.run import Run
    from sla_cli.formats.store import Store
    from sla_cli.formats.work import Work as WorkFolder

    folder = WorkFolder(work)
    if resume:
        path = folder.runs / name if name else folder.newest_unfinished_run()
        from sla_cli.train.start import resume as go_on

        best = go_on(Run(path), device)
    else:
        source = Store(store or folder.only_store())
        path = folder.runs / name if name else folder.new_run(settings.model.variant)
        from sla_cli.train.start import start

        best = start(source, path, settings, preset=preset, device=device, force=force)
    answer(
        f"run {path}: best dev WER {best.dev.wer:.2f} % in epoch {best.number}",
        {"run": str(path), "best_epoch": best.number, "dev_wer": best.dev.wer},
        as_json,
    )
