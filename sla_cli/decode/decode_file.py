"""An emissions file into a hypotheses file, with its receipt. Needs no torch."""

from __future__ import annotations

from pathlib import Path

from sla_cli.config import DecodeConfig
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.decode.clips import BeamOptions, decode_split
from sla_cli.errors import SlaError, some
from sla_cli.formats.emissions import Emissions
from sla_cli.formats.exchange.registry import write_export
from sla_cli.formats.hypotheses import Header, read_hypotheses, read_nbest, write_hypotheses
from sla_cli.formats.receipt import Receipt, already_made, digest_file, receipt_path, renew, write_receipt
from sla_cli.lm.kenlm_model import open_lm, out_of_vocabulary
from sla_cli.log import log, progress


def decode_file(
    emissions_path: Path,
    folder: Path,
    options: BeamOptions,
    *,
    out: Path | None = None,
    jobs: int = 1,
    max_oov: float = DecodeConfig.max_oov,
    force: bool = False,
) -> tuple[Path, list[Hypothesis]]:
    """Decode all clips of an emissions file.

    Args:
        folder: where the hypotheses go under a name made of split and options.
        out: the file to write instead.
        max_oov: percent of the glosses that the language model may lack.

    Returns:
        Where the hypotheses lie, and the best of each clip. Current ones are read, not made again.

    Raises:
        SlaError: the language model cannot be read or lacks too many glosses; `out` is a folder, or is there, made
            otherwise, and `force` is off; emissions that are no log-probabilities.
    """
    emissions = Emissions(emissions_path)
    header = emissions.header
    inputs = {"emissions": digest_file(emissions_path)}
    sources = {"store": header.store, "split": header.split, "corpus": header.corpus}
    sources["emissions"] = str(emissions_path.resolve())
    if options.lm is not None:
        check_oov(options.lm, header.glosses, max_oov)
        inputs["lm"], sources["lm"] = digest_file(options.lm), str(options.lm.resolve())
    settings = {
        "beam": options.beam,
        "alpha": options.alpha,
        "beta": options.beta,
        "nbest": options.nbest,
        "hotwords": sorted(options.hotwords),
        "hotword_weight": options.hotword_weight,
        "engine": options.engine,
    }
    receipt = Receipt("decode", settings, inputs, sources=sources)
    path = out or folder / f"{header.split}-{describe(options)}-{receipt.fingerprint[:6]}.tsv"
    if path.is_dir():
        raise SlaError(f"{path} is a folder", "Name a file.")
    made = already_made(path, receipt, force=force)
    if made is not None and path.is_file():
        renew(made, path)
        log.info("%s is up to date", path)
        return path, read_hypotheses(path)
    if out is not None and out.exists() and made is None and not force:
        raise SlaError(f"{out} exists", "Use --force to replace it.")
    with progress(f"decode {header.split}", len(emissions)) as advance:
        clips = decode_split(emissions, header.glosses, header.stride, options, jobs, advance)
    readings = [reading for clip in clips for reading in clip]
    receipt_path(path).unlink(missing_ok=True)
    write_hypotheses(path, readings, Header(header.corpus, header.split, header.profile))
    best = [clip[0] for clip in clips]
    receipt.results = {"clips": len(best), "glosses": sum(len(hypothesis.glosses) for hypothesis in best)}
    write_receipt(receipt, path)
    return path, best


def export_file(path: Path, kind: str, out: Path | None = None, *, force: bool = False) -> Path:
    """Write a hypotheses file in another format, beside it or to `out`. Returns where.

    Raises:
        SlaError: `out` exists and `force` is off, or the format cannot hold the hypotheses.
    """
    if out is not None and out.exists() and not force:
        raise SlaError(f"{out} exists", "Use --force to replace it.")
    out = out or path.with_suffix(f".{kind}")
    write_export(out, kind, list(read_nbest(path).values()))
    return out


def check_oov(lm: Path, glosses: tuple[str, ...], most: float) -> None:
    """Say how many glosses a language model lacks. Raises SlaError where they are more than `most` percent."""
    unknown = out_of_vocabulary(open_lm(lm), glosses)
    if not unknown:
        return
    share = 100 * len(unknown) / len(glosses)
    said = f"{lm} does not know {len(unknown)} of {len(glosses)} glosses ({share:.1f} %): {some(unknown)}"
    if share > most:
        raise SlaError(said, f"Is it a model of another corpus? --max-oov {min(100, int(share) + 1)} takes it anyway.")
    log.warning("%s", said)


def describe(options: BeamOptions) -> str:
    """`greedy`, `beam10`, `beam10-lm`, `beam10-lm-hot`: the options as part of a file name."""
    if options.greedy:
        return "greedy"
    return f"beam{options.beam}" + ("-lm" if options.lm else "") + ("-hot" if options.hotwords else "")
