"""sla annotate"""

import getpass
from pathlib import Path
from typing import Annotated

import typer

from sla_cli.cli.options import WORK, Work
from sla_cli.errors import SlaError, visible


def annotate(
    recordings: Annotated[
        list[Path],
        typer.Argument(
            metavar="FOLDER|VIDEO...",
            help="Videos, folders of videos, ELAN files, or a table of `sla next`.",
        ),
    ],
    run: Annotated[
        Path | None,
        typer.Option(help="Run or model that recognises recordings without suggestions. Default: none is recognised."),
    ] = None,
    suggestions: Annotated[str, typer.Option(help="Tier with the suggestions of sla.")] = "SIGN",
    tiers: Annotated[
        list[str] | None,
        typer.Option(
            "--tier",
            help="Tier of glosses that may be edited; repeat it for the other hand. The first gets what is accepted.",
            show_default="GLOSS",
        ),
    ] = None,
    translation: Annotated[str, typer.Option(help="Tier of translations that may be edited, '' for none.")] = "",
    annotator: Annotated[
        str | None, typer.Option(help="Who decides, as written into the files.", show_default="your login name")
    ] = None,
    port: Annotated[int, typer.Option(help="Port on this machine; 0 is any free one.", min=0, max=65535)] = 0,
    browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = True,
    work: Work = WORK,
) -> None:
    """Correct suggested glosses of videos on a local page, which writes ELAN files.

    The page is for this machine only. The ELAN file of a video is that of its name, or
    one that links it, else it is made next to it with the first annotation; other tiers
    in it stay as they are. Ctrl-C ends it.
    """
    from sla_cli.annotate.find import find_annotated
    from sla_cli.annotate.scope import Scope
    from sla_cli.annotate.serve import serve
    from sla_cli.annotate.server import application

    scope = Scope(suggestions, tuple(tiers or ["GLOSS"]), translation, annotator or _login())
    found = find_annotated(recordings, scope)
    if run is None:
        serve(application(found, scope, (), {}), port, _tell, browser=browser)
        return
    from sla_cli.annotate.suggest import Suggester
    from sla_cli.annotation.layout import Layout
    from sla_cli.work.folder import Work as WorkFolder
    from sla_cli.work.model_folder import find_trained

    place = WorkFolder(work).run_given(run)
    trained = find_trained(place)
    _ = trained.facts  # refuses what is no run
    suggester = Suggester(place, work, Layout(suggestions, confidence=True))
    with suggester.working(found):
        serve(application(found, scope, trained.glosses, suggester.states), port, _tell, browser=browser)


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:
        raise SlaError("the name of the annotator is not known", "Give it with --annotator.") from error


def _tell(address: str) -> None:
    typer.echo(visible(address))
    typer.echo("Open this address in a browser of this machine. Ctrl-C ends it; what was done is saved.", err=True)
