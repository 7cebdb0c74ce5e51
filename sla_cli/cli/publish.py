"""sla publish"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sla_cli.cli.options import Json, answer
from sla_cli.core.counted import counted

if TYPE_CHECKING:
    from sla_cli.share.results import Published


def publish(
    model: Annotated[Path, typer.Argument(metavar="FOLDER", help="Model, of `sla export`.")],
    repository: Annotated[
        str, typer.Argument(metavar="OWNER/NAME", help="Repository on the hub; it is created if there is none.")
    ],
    tag: Annotated[
        str | None, typer.Option(help="Name of this revision, such as v1. Without it, the number of the commit is one.")
    ] = None,
    private: Annotated[
        bool,
        typer.Option("--private", help="Create a repository that only people whom you choose can read."),
    ] = False,
    message: Annotated[str, typer.Option(help="Message of the commit.", show_default="the version of sla")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Upload it.")] = False,
    as_json: Json = False,
) -> None:
    """Upload a model to the Hugging Face hub; without --yes show its card and what would be uploaded.

    Only the files of the model are uploaded, all of them or none. A card with open
    questions is refused. Your token is that of `hf auth login`, or of HF_TOKEN.
    """
    from sla_cli.share.publish import publish_model

    made = publish_model(model, repository, private=private, tag=tag, message=message, upload=yes)
    answer("\n".join(_uploaded(made) if made.commit else _planned(made)), made, as_json)


def _uploaded(made: "Published") -> list[str]:
    return [
        f"model {made.address}: {_size(made)}, {'private' if made.private else 'public'}",
        f"commit {made.commit}",
        f"open it: sla transcribe VIDEO --run {made.address}",
    ]


def _planned(made: "Published") -> list[str]:
    """The card, then what would happen."""
    from sla_cli.artifact.text import read_text
    from sla_cli.core.endings import ARPA
    from sla_cli.work.model_folder import CARD

    width = max(map(len, made.files))
    models = [name for name in made.files if name.endswith(ARPA)]
    readers = "private" if made.private else "public, unless its owner has it otherwise"
    return [
        read_text(made.model / CARD),
        *(f"{name:{width}}  {size:>15,} bytes" for name, size in made.files.items()),
        *(f"{name} holds sequences of glosses as they were signed in train" for name in models),
        f"{_size(made)}, to {made.repository}: {readers}",
        f"revision: {f'tag {made.tag}' if made.tag else 'the number of the commit; --tag gives it a name'}",
        "nothing was uploaded: the same command with --yes does it",
    ]


def _size(made: "Published") -> str:
    return f"{counted(len(made.files), 'file')}, {sum(made.files.values()) / 1e6:.1f} MB"
