"""sla lm"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sla_cli.cli.options import WORK, Force, Json, SplitName, Work, answer, numbers
from sla_cli.config.settings import ProfileName
from sla_cli.core.counted import counted
from sla_cli.errors import SlaError, some

if TYPE_CHECKING:
    from sla_cli.lm.perplexity import TextPerplexity

Normalize = Annotated[
    ProfileName,
    typer.Option(
        help="Normalise the glosses as hypotheses are before scoring. none keeps the training glosses of a store, "
        "which are the glosses that a recogniser trained on it outputs."
    ),
]

app = typer.Typer(add_completion=False, rich_markup_mode="rich", no_args_is_help=True)


@app.callback()
def lm() -> None:
    """Estimate a gloss n-gram language model, or score a text with one."""


@app.command()
def estimate(
    source: Annotated[
        Path | None, typer.Argument(help="Store, or text with one sentence per line. Default: the only store.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="ARPA file to write.", show_default="lm/gloss.arpa in the work folder"),
    ] = None,
    order: Annotated[
        int | None,
        typer.Option(help="Length of the n-grams.", min=2, max=6, show_default="3, or what the text supports"),
    ] = None,
    unique: Annotated[
        bool, typer.Option("--unique", help="Count each different sentence once: for corpora that repeat prompts.")
    ] = False,
    fallback: Annotated[
        bool, typer.Option("--fallback", help="Use fixed discounts (0.5, 1, 1.5) if they cannot be estimated.")
    ] = False,
    prune: Annotated[
        str,
        typer.Option(
            help="Drop n-grams that occur at most this often, one count for each order: 0,0,1 drops trigrams seen "
            "once. The last count also holds for all higher orders; the first must be 0: glosses are kept."
        ),
    ] = "0",
    unk: Annotated[
        Literal["share", "all"],
        typer.Option(
            help="Part of the probability freed by discounting that glosses outside of the text get together: "
            "the share of one gloss (lmplz), or all of it (SRILM)."
        ),
    ] = "share",
    normalize: Normalize = "none",
    dev: Annotated[
        Path | None,
        typer.Option(help="Text or store to measure the model on. Default: the store's dev split, if it has glosses."),
    ] = None,
    work: Work = WORK,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Estimate a model on a store's train split or a text, and measure it on dev.

    An interpolated modified Kneser-Ney model, as KenLM's lmplz estimates it.
    `sla decode --lm gloss.arpa` finds it in the work folder. A small text gets a
    lower order, and the reason is printed; an unsupported --order is refused.
    """
    from msgspec.structs import asdict

    from sla_cli.cli.results.artifacts import EstimatedModel
    from sla_cli.lm.estimate_file import estimate_file
    from sla_cli.work.folder import Work as WorkFolder

    folder = WorkFolder(work)
    out = output or folder.lm / "gloss.arpa"
    facts = estimate_file(
        source if source is not None and source.is_file() else folder.store_given(source),
        out,
        order=order,
        fallback=fallback,
        unique=unique,
        prune=numbers("--prune", prune, int, "0,0,1"),
        unknown=unk,
        normalize=normalize,
        dev=folder.store_if_given(dev),
        force=force,
    )
    lines = [
        f"{out}: order {facts.order}, {counted(facts.sentences, 'sentence')}",
        "        n-grams   discounts of 1, 2, 3+",
    ]
    for n, (count, discounts) in enumerate(zip(facts.ngrams, facts.discounts, strict=True), start=1):
        note = "   fallback" if n in facts.fallbacks else ""
        lines.append(f"{n}-gram {count:8d}   {' '.join(f'{discount:.3f}' for discount in discounts)}{note}")
    if facts.dev is not None:
        lines += _perplexity_lines(facts.dev)
    answer("\n".join(lines), EstimatedModel(lm=out, **asdict(facts)), as_json)


@app.command()
def score(
    model: Annotated[
        Path, typer.Argument(help="ARPA (also .gz, also of SRILM) or KenLM binary, as for `sla decode --lm`.")
    ],
    source: Annotated[Path, typer.Argument(help="Store, or text with one sentence per line.")],
    split: Annotated[
        SplitName | None, typer.Option(help="Split, where the source is a store.", show_default="dev")
    ] = None,
    normalize: Normalize = "none",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write each sentence's score into this TSV.")
    ] = None,
    work: Work = WORK,
    as_json: Json = False,
) -> None:
    """Compute the perplexity of a model on a text or a store's split, with and without unknown glosses."""
    from sla_cli.lm.perplexity import COLUMNS, score_text
    from sla_cli.work.folder import Work as WorkFolder
    from sla_cli.work.like import table_like
    from sla_cli.work.output import check_output

    if split is not None and source.is_file():
        raise SlaError(f"{source} is a text, not a store, so --split has no effect", "Leave it out.")
    folder = WorkFolder(work)
    model, source = folder.find_lm(model), folder.store_given(source)
    check = check_output(output, table_like(COLUMNS), inputs=(model, source), replace=True)
    facts = score_text(model, source, split=split or "dev", normalize=normalize, out=output, check=check)
    answer("\n".join(_perplexity_lines(facts)), facts, as_json)


def _perplexity_lines(facts: "TextPerplexity") -> list[str]:
    unknown = some(
        (f"{gloss} ×{times}" if times > 1 else gloss for gloss, times in facts.oov_glosses.items()),  # noqa: RUF001
        limit=20,
    )
    return [
        f"{facts.text}: perplexity {_perplexity(facts.perplexity)} with unknown glosses, "
        f"{_perplexity(facts.perplexity_without_oov)} without",
        f"{counted(facts.sentences, 'sentence')}, {counted(facts.glosses, 'gloss')}, "
        f"{facts.oov} of them unknown ({100 * facts.oov_share:.2f} %){': ' if unknown else ''}{unknown}",
    ]


def _perplexity(value: float) -> str:
    """A model without <unk> forbids unknown glosses, and its perplexity is huge."""
    return f"{value:.2f}" if value < 1e6 else f"{value:.2e}"
