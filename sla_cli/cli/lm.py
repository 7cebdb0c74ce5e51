"""sla lm"""

import copy
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from sla_cli.cli.options import WORK, Force, Json, Quiet, Verbose, Work, answer, refuse_input
from sla_cli.errors import some

NORMALIZE_HELP = (
    "Profile that cleans the glosses, as hypotheses before scoring: none, phoenix2014, phoenix2014t, phoenix2014t-vac. "
    "none keeps a store's training glosses, which are what a recogniser of this store asks the model for."
)


class DefaultCommand(TyperGroup):
    """`sla lm …` means `sla lm estimate …`, unless a command or --help comes first."""

    default = "estimate"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = args[:1] and args[0] in (*self.commands, *ctx.help_option_names)
        return super().parse_args(ctx, args if named else [self.default, *args])

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Shows the default command's arguments and options as its own, and the commands after them."""
        shown = copy.copy(self)
        shown.params = [*self.commands[self.default].params, *self.params]
        TyperGroup.format_help(shown, ctx, formatter)


app = typer.Typer(cls=DefaultCommand, rich_markup_mode="rich", subcommand_metavar="| score MODEL SOURCE")


@app.callback()
def lm() -> None:
    """Gloss n-gram language models: estimate one, or score a text with one.

    `sla lm SOURCE -o FILE` estimates an interpolated modified Kneser-Ney model
    on a store's train split or on a text with a sentence a line, as KenLM's
    lmplz does, and measures it on the store's dev split or on --dev.

    `sla lm score MODEL SOURCE` measures any model: ARPA, also gzipped or of
    SRILM, or KenLM binary. A text that is itself called score: `sla lm ./score`.
    """


def _thresholds(text: str) -> list[int]:
    parts = text.replace(",", " ").split()
    if not all(part.isdecimal() for part in parts):
        raise typer.BadParameter(f"{text!r}: give a count for each order, such as 0,0,1.", param_hint="'--prune'")
    return [int(part) for part in parts]


@app.command(hidden=True)
def estimate(
    source: Annotated[
        Path | None, typer.Argument(help="Store, or text with a sentence a line; the only store without it.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="ARPA file to write.")] = Path("gloss.arpa"),
    order: Annotated[int, typer.Option(help="Length of the n-grams.", min=2, max=6)] = 3,
    unique: Annotated[
        bool, typer.Option("--unique", help="Count each different sentence once: for corpora that repeat prompts.")
    ] = False,
    fallback: Annotated[
        bool,
        typer.Option("--fallback", help="Use fixed discounts (0.5, 1, 1.5) where the text allows to estimate none."),
    ] = False,
    prune: Annotated[
        str,
        typer.Option(
            help="Drop n-grams that occur at most so often, a count an order: 0,0,1 drops trigrams seen once. "
            "The last count stands for higher orders; the first is 0, the glosses stay."
        ),
    ] = "0",
    unk: Annotated[
        Literal["share", "all"],
        typer.Option(
            help="What glosses that the text lacks get of the probability that discounting frees: an equal share, as "
            "one more gloss (lmplz), or all of it (SRILM)."
        ),
    ] = "share",
    normalize: Annotated[str, typer.Option(help=NORMALIZE_HELP)] = "none",
    dev: Annotated[
        Path | None, typer.Option(help="Text or store to measure the model on; a store's own dev split without it.")
    ] = None,
    work: Work = WORK,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Estimate a model on a store's train split or a text, and measure it on dev."""
    from sla_cli.formats.work import Work as WorkFolder
    from sla_cli.lm.build import estimate_file

    facts = estimate_file(
        source or WorkFolder(work).only_store(),
        output,
        order=order,
        fallback=fallback,
        unique=unique,
        prune=_thresholds(prune),
        unknown=unk,
        normalize=normalize,
        dev=dev,
        force=force,
    )
    lines = [f"{output}: order {order}, {facts['sentences']} sentences", "        n-grams   discounts of 1, 2, 3+"]
    for n, (count, discounts) in enumerate(zip(facts["ngrams"], facts["discounts"], strict=True), start=1):
        note = "   fallback" if n in facts["fallbacks"] else ""
        lines.append(f"{n}-gram {count:8d}   {' '.join(f'{discount:.3f}' for discount in discounts)}{note}")
    if facts["dev"] is not None:
        lines += _perplexity_lines(facts["dev"])
    answer("\n".join(lines), {"lm": str(output), "order": order, **facts}, as_json)


@app.command()
def score(
    model: Annotated[Path, typer.Argument(help="ARPA, also gzipped or of SRILM, or KenLM binary.")],
    source: Annotated[Path, typer.Argument(help="Store, or text with a sentence a line.")],
    split: Annotated[str, typer.Option(help="Of a store: train, dev or test.")] = "dev",
    normalize: Annotated[str, typer.Option(help=NORMALIZE_HELP)] = "none",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write each sentence's score into this TSV.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Perplexity of a model on a text or a store's split, with and without the glosses it does not know."""
    from sla_cli.lm.build import score_source

    refuse_input(output, model, source)
    facts = score_source(model, source, split=split, normalize=normalize, out=output)
    answer("\n".join(_perplexity_lines(facts)), {"lm": str(model), **facts}, as_json)


def _perplexity_lines(facts: dict[str, Any]) -> list[str]:
    unknown = some(
        (f"{gloss} ×{times}" if times > 1 else gloss for gloss, times in facts["oov_glosses"].items()),  # noqa: RUF001
        limit=20,
    )
    return [
        f"{facts['text']}: perplexity {_perplexity(facts['perplexity'])} with unknown glosses, "
        f"{_perplexity(facts['perplexity_without_oov'])} without",
        f"{facts['sentences']} sentences, {facts['glosses']} glosses, {facts['oov']} of them unknown "
        f"({100 * facts['oov_share']:.2f} %){': ' if unknown else ''}{unknown}",
    ]


def _perplexity(value: float) -> str:
    """A model without <unk> forbids unknown glosses, and its perplexity is astronomic."""
    return f"{value:.2f}" if value < 1e6 else f"{value:.2e}"
