"""Options that several commands share."""

import json
import re
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import typer
from msgspec import to_builtins

from sla_cli.cli.text_streams import is_utf8
from sla_cli.config import bounds
from sla_cli.config.bounds import DEVICES, LAYERS, WEIGHTS
from sla_cli.config.settings import DecodeConfig, Precision
from sla_cli.errors import CONTROL, SlaError, visible
from sla_cli.search.engines import Engine

Number = TypeVar("Number", int, float)


def _device(name: str) -> str:
    """Refuse an unknown device name also if nothing is computed, and so without torch."""
    if not re.fullmatch(r"auto|(cpu|cuda)(:\d{1,4})?", name):
        raise SlaError(f"--device {name}: no such device", DEVICES)
    return name


def _weights(name: str | None) -> str | None:
    """Refuse a missing file also if nothing is computed."""
    if name is not None and name not in WEIGHTS and not Path(name).is_file():
        raise SlaError(f"no such weights file: {name}", "--weights takes hub, random, or a file.")
    return name


Work = Annotated[
    Path,
    typer.Option("--work", envvar="SLA_WORK", metavar="<path>", help="Work folder that holds all artifacts."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what exists.")]
Jobs = Annotated[int, typer.Option("--jobs", "-j", help="Processes; 0 uses all usable cores.", min=0, max=LAYERS)]
SplitName = Literal["train", "dev", "test"]
Device = Annotated[str, typer.Option("--device", callback=_device, help="auto, cpu, cuda, cuda:1, …")]

# Options of `search.beam_decoder.BeamOptions`, in addition to --lm.
SEARCH = (
    *("beam", "alpha", "beta", "nbest", "hotwords", "hotword_weight", "prune_logp", "token_min_logp", "engine"),
    "max_oov",
)

RUN_HELP = "Run, by name or folder, or a model (folder, hf://…). Default: the newest run."
LM_HELP = "Gloss n-gram model: ARPA (also .gz) or KenLM binary; a file, or the name of one in the work folder's lm/."

Source = Annotated[
    Path | None,
    typer.Argument(
        metavar="[RUN | EMISSIONS]", help="Run, by name or folder, or emissions file. Default: the newest run."
    ),
]
# Of commands that recognise videos.
RunOrModel = Annotated[Path | None, typer.Option("--run", help=RUN_HELP)]
LanguageModel = Annotated[Path | None, typer.Option("--lm", help=LM_HELP)]
Beam = Annotated[
    int | None,
    typer.Option(
        "--beam", help="Beam width. 1 without --lm and --hotword: greedy.", min=1, show_default="as sla decode"
    ),
]
MinConfidence = Annotated[
    float,
    typer.Option("--min-confidence", help="Write ? for a sign whose gloss is less sure than this.", min=0, max=1),
]
RuntimeName = Annotated[
    Literal["torch", "onnx"],
    typer.Option("--runtime", help="What computes: PyTorch, or ONNX Runtime for a model that has ONNX graphs."),
]
ModelPrecision = Annotated[
    Precision,
    typer.Option(
        "--precision",
        help="Precision of the model, with PyTorch. bf16 is faster also on many CPUs, with other results.",
    ),
]

MaxOov = Annotated[
    float | None,
    typer.Option(
        help="Refuse a language model that lacks more than this percentage of the glosses.",
        min=0,
        max=100,
        show_default=f"{DecodeConfig.max_oov}",
    ),
]
Hotwords = Annotated[list[str] | None, typer.Option("--hotword", help="Gloss to prefer; can be repeated.")]
HotwordWeight = Annotated[
    float | None,
    typer.Option(
        help="Added to the score each time that a hot word occurs, a natural logarithm.",
        show_default=str(DecodeConfig.hotword_weight),
    ),
]
PruneLogp = Annotated[
    float | None,
    typer.Option(
        help="Drop prefixes that are this much worse than the best, a natural logarithm.",
        show_default=str(DecodeConfig.prune_logp),
    ),
]
TokenMinLogp = Annotated[
    float | None,
    typer.Option(
        help="Skip glosses whose log-probability in a step is below this.",
        show_default=str(DecodeConfig.token_min_logp),
    ),
]
EngineName = Annotated[
    Engine | None,
    typer.Option("--engine", help="Beam search of sla, or pyctcdecode's to check it.", show_default="prefix"),
]
StoreArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="[STORE[:DIVISION]]", help="Store, by name or folder. Default: the only one in the work folder."
    ),
]
StoreFolder = Annotated[
    Path | None,
    typer.Option(
        "--store",
        help="Store of any corpus, by name or folder, to recognise the run's glosses in. Default: the run's own.",
    ),
]
BackboneWeights = Annotated[
    str | None, typer.Option("--weights", callback=_weights, help="Weights of the backbone, if their file has moved.")
]

WORK = Path(bounds.WORK)
WHOLE = re.compile(r"-?[0-9]{1,30}")  # the command says which are out of bounds; int() refuses thousands of digits


def numbers(option: str, text: str, kind: type[Number], example: str) -> tuple[Number, ...]:
    """`0,0.5,1` or `0 0.5 1` as numbers. Raises SlaError, with an example."""
    from sla_cli.artifact.text import is_number

    parts = re.split(r"\s*,\s*|\s+", text.strip())  # an empty place between two commas stays one
    if not all(map(WHOLE.fullmatch if kind is int else is_number, parts)):
        whole = "whole " * (kind is int)
        raise SlaError(f"{option} {text[:80]!r} is not a list of {whole}numbers", f"Write it like {option} {example}.")
    return tuple(map(kind, parts))


def weights_file(weights: str | None) -> Path | None:
    """The file that --weights may name."""
    return Path(weights) if weights else None


def search_given(context: typer.Context, lm: Path | None) -> dict[str, Any]:
    """The options of a search among those of a command, by name; None for one left out.

    Args:
        lm: the file of the language model that --lm names.
    """
    given = {name: context.params[name] for name in SEARCH if name in context.params}
    return given | {"lm": lm, "hotwords": tuple(given["hotwords"] or ())}


def answer(lines: str, result: object, as_json: bool) -> None:
    """Print the result of a command on stdout: lines for people, or one JSON object for programs.

    Args:
        result: one of the types in cli/schema.py.
    """
    typer.echo(json_text(result) if as_json else visible(lines))


def json_text(result: object) -> str:
    """A result as JSON, valid whatever it holds; paths are texts.

    Control characters, which a terminal would obey, are escaped. Bytes in a path that are no UTF-8 become escapes of
    surrogates, from which `os.fsencode` makes the bytes again.
    """
    text = json.dumps(to_builtins(result, enc_hook=_path), ensure_ascii=not is_utf8(sys.stdout))
    text = CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)  # those that json.dumps leaves
    return text.encode("utf-8", "backslashreplace").decode()


def _path(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"{type(value)} is no JSON value")
