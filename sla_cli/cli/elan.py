"""sla elan"""

from pathlib import Path
from typing import Annotated

import typer

from sla_cli.cli.options import WORK, Json, Work, answer
from sla_cli.errors import SlaError

app = typer.Typer(add_completion=False, rich_markup_mode="rich", no_args_is_help=True)


@app.callback()
def elan() -> None:
    """Recognise and align inside ELAN: install the recognisers that ELAN's Recognizer tab lists."""


@app.command()
def install(
    extensions: Annotated[
        Path | None,
        typer.Option(help="ELAN's folder app/extensions.", show_default="that of the ELAN which is installed here"),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(help="Run or model that ELAN proposes, by name or folder. Default: the newest run."),
    ] = None,
    lm: Annotated[Path | None, typer.Option(help="Language model that ELAN proposes, a file.")] = None,
    uninstall: Annotated[bool, typer.Option("--uninstall", help="Remove the recognisers instead.")] = False,
    work: Work = WORK,
    as_json: Json = False,
) -> None:
    """Write the recognisers into ELAN's folder of extensions; ELAN lists them after its next start.

    One recognises signs in the open video, the other one aligns glosses that have no
    times. They use the Python environment that sla is installed in now.
    """
    from sla_cli.cli.results.recognition import ElanInstalled
    from sla_cli.config.settings import DecodeConfig
    from sla_cli.elan import install as installing
    from sla_cli.lm.kenlm_model import check_oov
    from sla_cli.work.folder import Work as WorkFolder
    from sla_cli.work.model_folder import find_trained

    folder = extensions or installing.find_extensions()
    if uninstall:
        for name, value in (("run", run), ("lm", lm)):
            if value is not None:
                raise SlaError(f"--{name} has no effect with --uninstall", "Leave it out.")
        gone = installing.uninstall(folder)
        text = "\n".join(f"removed {path}" for path in gone) or f"{folder} has no recogniser of sla"
        answer(text, ElanInstalled(folders=gone, run=None), as_json)
        return
    found = WorkFolder(work).run_given(run)
    trained = find_trained(found)
    _ = trained.facts  # refuses what ELAN could not use
    model = None if lm is None else WorkFolder(work).find_lm(lm, trained.own_lm(lm))
    if model is not None:
        check_oov(model, trained.glosses, DecodeConfig.max_oov)  # refuses what recognition could not use
    defaults = {"run": str(found.resolve())} | ({} if model is None else {"lm": str(model.resolve())})
    made = installing.install(folder, defaults)
    lines = "\n".join(f"wrote {path}" for path in made)
    next_step = "Start ELAN again, open a video, and choose the tab Recognizer."
    answer(f"{lines}\nrun {found.resolve()}\n{next_step}", ElanInstalled(folders=made, run=found.resolve()), as_json)


@app.command()
def recognize() -> None:
    """What ELAN starts to recognise signs: reads parameters from standard input."""
    _serve("recognize")


@app.command()
def align() -> None:
    """What ELAN starts to align glosses: reads parameters from standard input."""
    _serve("align")


def _serve(name: str) -> None:
    from sla_cli.cli.main import refusals
    from sla_cli.elan.report import reported

    with reported(refusals):
        from sla_cli.elan.serve import serve

        serve(name)
