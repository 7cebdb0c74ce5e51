"""sla train"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from sla_cli.cli.options import WORK, Device, Force, Json, Work, answer, numbers
from sla_cli.config.checks import check_setting, settings_of
from sla_cli.config.presets import PRESETS
from sla_cli.config.settings import Config, Precision, Variant, resolve
from sla_cli.core.arguments import check_name
from sla_cli.errors import SlaError, some
from sla_cli.log import log

# Settings with an option of their own name.
OPTIONS = (
    *("model.variant", "model.backbone", "model.weights", "model.image_size", "model.layers"),
    *("train.epochs", "train.batch", "train.lr", "train.precision", "train.seed"),
)


def _list(wanted: bool) -> None:
    if wanted:
        width = max(map(len, PRESETS))
        typer.echo("\n".join(f"{name:{width}}  {preset.description}" for name, preset in PRESETS.items()))
        raise typer.Exit


def _check_together(given: Mapping[str, Any], *, several: bool) -> None:
    """Raise SlaError for options that contradict each other.

    Args:
        given: the options of the command, by name.
        several: whether there are several seeds.
    """
    sets, resume, dry_run = given["sets"] or (), given["resume"], given["dry_run"]
    names = [setting.partition(".")[2] for setting in OPTIONS] + ["sets", "config", "store", "preset", "init"]
    own = [name for name in names if given[name] not in (None, (), [])]
    one_seed = given["seed"] is not None or any(text.partition("=")[0].strip() == "train.seed" for text in sets)
    if several and (one_seed or dry_run):
        raise SlaError(
            "--seeds trains several runs, so --seed, --set train.seed and --dry-run cannot be given with it",
            "Leave one of them out: --seed is for a single run.",
        )
    if resume and given["force"]:
        raise SlaError("--resume continues a run, and --force replaces one", "Leave one of them out.")
    if given["force"] and given["name"] is None:
        raise SlaError("--force replaces a run, but --name names none", "Give the run's name with --name.")
    if resume and (own or several or dry_run):
        options = {"sets": "--set", "init": "--init-from", "store": "a store"}
        given_too = [options.get(name, f"--{name.replace('_', '-')}") for name in own]
        given_too += ["--seeds"] * several + ["--dry-run"] * dry_run
        fault = f"--resume continues a run with its own settings, so {some(given_too)} cannot be given with it"
        raise SlaError(fault, "Leave it out, or leave out --resume to start a new run.")


def train(
    context: typer.Context,
    store: Annotated[
        Path | None,
        typer.Argument(metavar="[STORE[:DIVISION]]", help="Store, by name or folder. Default: the only one."),
    ] = None,
    variant: Annotated[Variant | None, typer.Option(help="What is added to the frozen backbone.")] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Named set of settings; --list explains them. Default: the one for the store's corpus.",
            metavar=f"[{'|'.join(PRESETS)}]",
            autocompletion=lambda: list(PRESETS),
        ),
    ] = None,
    show: Annotated[
        bool, typer.Option("--list", callback=_list, is_eager=True, help="Print the presets and what they are for.")
    ] = False,
    backbone: Annotated[str | None, typer.Option(help="Name of a ViT in timm.")] = None,
    weights: Annotated[str | None, typer.Option(help="The backbone's weights: hub, random, or a file.")] = None,
    image_size: Annotated[int | None, typer.Option(help="Input size of the backbone in pixels.")] = None,
    layers: Annotated[str | None, typer.Option(help="Blocks to adapt: all, last:K, or 0,5,11.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training clips.", min=1)] = None,
    batch: Annotated[int | None, typer.Option(help="Clips per batch.", min=1)] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate.")] = None,
    precision: Annotated[
        Precision | None,
        typer.Option(help="Precision of the backbone; auto: bf16 or fp16 on CUDA, fp32 on a CPU."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed for weights, order and augmentation.", min=0)] = None,
    seeds: Annotated[
        str | None,
        typer.Option(help="Several seeds, such as 0,1,2: one run each, NAME-seed0 and so on, one after another."),
    ] = None,
    init: Annotated[
        str | None, typer.Option("--init-from", help="Start from this run's trained weights: a name, or a folder.")
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", help="TOML file like a run's config.toml.")] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any setting of config.toml, as section.key=value; can be repeated."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the run. Default: VARIANT-N.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print parameters, memory and time of two real steps; train nothing.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the newest unfinished run, or --name.")] = False,
    device: Device = "auto",
    work: Work = WORK,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Train the adapters and the temporal head on a store; dev WER after each epoch.

    Settings resolve in this order: preset, --config, --set, explicit options.
    Under torchrun all processes train one model. After SIGTERM or SIGUSR1
    training saves its state and stops; --resume continues it. With --seeds the
    mean over the runs is printed; --resume --name NAME trains the unfinished ones.
    """
    several = () if seeds is None else numbers("--seeds", seeds, int, "0,1,2")
    bounds = settings_of(Config)["train.seed"]
    for one in several:
        check_setting("train.seed", one, bounds, "--seeds")
    if len(set(several)) < len(several):
        raise SlaError(f"--seeds {seeds}: a seed is given twice", "Name each once, as --seeds 0,1,2.")
    _check_together(context.params, several=bool(several))
    check_name(name)
    flags = {setting: context.params[setting.partition(".")[2]] for setting in OPTIONS}
    keys = [text.partition("=")[0].strip() for text in sets or ()]
    if twice := next((key for key in keys if keys.count(key) > 1), ""):
        log.warning("--set %s is given several times: only the last one counts", twice)
    settings = partial(resolve, file=config, sets=sets or (), flags=flags)
    settings(preset or "base")  # refuse mistyped values before any slow import

    from sla_cli.train.launch import resume_training, start_training
    from sla_cli.work.folder import Work as WorkFolder

    folder = WorkFolder(work)
    new: dict[str, Any] = {"preset": preset, "name": name, "seeds": several, "init": init, "force": force}
    result = (
        resume_training(folder, device, name)
        if resume
        else start_training(folder, device, settings, store=store, **new, dry_run=dry_run)
    )
    if result is not None:
        answer(result.text(), result, as_json)
