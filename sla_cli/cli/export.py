"""sla export"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from sla_cli.cli.options import WORK, BackboneWeights, Force, Json, Work, answer
from sla_cli.core.counted import counted


def export(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the model, new or empty.")],
    run: Annotated[
        Path | None, typer.Argument(metavar="[RUN]", help="Run, by name or folder. Default: the newest.")
    ] = None,
    language: Annotated[
        str, typer.Option(help="Sign language of the corpus, by its code in ISO 639-3, such as gsg, csl, sdl.")
    ] = "",
    licence: Annotated[
        str, typer.Option(help="Licence of the model, by its name on the hub, such as cc-by-nc-sa-4.0 or other.")
    ] = "",
    corpus_licence: Annotated[
        str,
        typer.Option(help="Terms of the recordings, and that all in them agreed to give a model away. Name nobody."),
    ] = "",
    contact: Annotated[
        str, typer.Option(help="Who answers questions, and removes the model if a person in the recordings asks.")
    ] = "",
    lm: Annotated[
        Path | None,
        typer.Option(
            help="Put a gloss n-gram model into it: an .arpa or .arpa.gz, or the name of one in the work folder's lm/."
        ),
    ] = None,
    half: Annotated[
        bool, typer.Option("--half", help="Store weights in float16: half the size, other results.")
    ] = False,
    without_backbone: Annotated[
        bool,
        typer.Option("--without-backbone", help="Leave out the backbone's weights; who opens it must have them."),
    ] = False,
    onnx: Annotated[
        Literal["fp32", "int8"] | None,
        typer.Option(
            help="Add ONNX graphs, with which it transcribes without PyTorch; int8 is faster, with other results."
        ),
    ] = None,
    weights: BackboneWeights = None,
    work: Work = WORK,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write a run as a model: one folder that others open, with its weights, glosses and card.

    `--run FOLDER` and `Recognizer.open(FOLDER)` take it on any machine. Its
    README.md is a card with what is known of the model; what only you can answer
    is asked there. The same run gives the same bytes.
    """
    from sla_cli.share.card import Answers, card_of
    from sla_cli.share.export import export_run
    from sla_cli.work.folder import Work as WorkFolder
    from sla_cli.work.model_folder import find_trained

    folder = WorkFolder(work)
    found = find_trained(folder.run_given(run))
    model = None if lm is None else folder.find_lm(lm)
    with found.as_one():
        card = card_of(found, Answers(language, licence, corpus_licence, contact))
    made = export_run(
        found,
        output,
        card,
        lm=model,
        stored="float16" if half else "float32",
        with_backbone=not without_backbone,
        onnx=onnx,
        weights=weights,
        force=force,
    )
    lines = [f"model {made.model}: {counted(len(made.files), 'file')}, {sum(made.files.values()) / 1e6:.1f} MB"]
    if made.open_questions:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in made.open_questions)
        lines.append(f"README.md has open questions: answer them there, or with {options}")
    answer("\n".join(lines), made, as_json)
