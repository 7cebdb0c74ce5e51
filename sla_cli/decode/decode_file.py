"""Decodes an emissions file into a hypotheses file, with its receipt. Needs no torch."""

from __future__ import annotations

from dataclasses import asdict
from itertools import chain
from pathlib import Path

from sla_cli.artifact.receipt import Receipt, unchanged_digest
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.decode.decode_split import decode_split
from sla_cli.errors import SlaError
from sla_cli.exchange.gloss_files import export_like, export_text
from sla_cli.lm.kenlm_model import check_oov
from sla_cli.log import progress
from sla_cli.search.beam_decoder import BeamOptions
from sla_cli.search.options import Settled
from sla_cli.system.atomic import write_text
from sla_cli.system.file_identity import unchanged
from sla_cli.work.emissions import Emissions, emission_inputs
from sla_cli.work.hypotheses import Header, read_hypotheses, read_nbest, write_hypotheses
from sla_cli.work.kind import HYPOTHESES
from sla_cli.work.making import making
from sla_cli.work.output import check_output


def decode_file(
    emissions_path: Path,
    folder: Path,
    settled: Settled,
    *,
    out: Path | None = None,
    jobs: int = 1,
    force: bool = False,
) -> tuple[Path, list[Hypothesis]]:
    """Decode all clips of an emissions file.

    Args:
        folder: the folder of all hypotheses; these are written to RUN/SPLIT-OPTIONS-DIGEST.tsv in it.
        out: a file to write instead.
        jobs: maximum number of processes; 0 is all usable cores.

    Returns:
        The path of the hypotheses, and the best of each clip. If they are up to date, they are read, not made again.

    Raises:
        FormatError: the emissions, the language model or the existing hypotheses are not as sla wrote them.
        SlaError: the language model cannot be read or lacks too many glosses; `out` is a folder, or exists with other
            content, and `force` is off; emissions that are not log-probabilities; or one of both is changed meanwhile.
    """
    options = settled.options
    checks = [unchanged(file) for file in (emissions_path, options.lm) if file is not None]
    emissions = Emissions(emissions_path)
    header = emissions.header
    inputs = {"emissions": unchanged_digest(emissions_path)}
    sources = {"store": header.store, "division": header.division, "split": header.split, "corpus": header.corpus}
    sources["emissions"] = str(emissions_path.resolve())
    made = emission_inputs(emissions_path)
    sources |= {key: made[name] for key, name in (("split_digest", "split"), ("weights", "weights")) if name in made}
    if options.lm is not None:
        check_oov(options.lm, header.glosses, options.max_oov)
        inputs["lm"], sources["lm"] = unchanged_digest(options.lm), str(options.lm.resolve())
        if settled.lm not in ("", inputs["lm"]):
            raise SlaError(f"{options.lm} was changed while it was used", "Run the command again.")
    receipt = Receipt("decode", _settings(settled), inputs, sources=sources)
    path = (
        out or folder / emissions.made_by / f"{header.split}-{_file_name_part(options)}-{receipt.fingerprint[:6]}.tsv"
    )
    keep, given = out is not None and not force, (emissions_path, options.lm)
    with making(path, receipt, kind=HYPOTHESES, keep=keep, inputs=given, force=force) as artifact:
        if artifact.there is not None:
            return path, read_hypotheses(path)
        with progress(f"decode {header.split}", len(emissions)) as advance:
            clips = decode_split(emissions, header.glosses, header.stride, options, jobs, advance, header.calibration)
        here = settled.tuned_on if settled.tuned_on == header.split else ""
        for check in checks:  # since they were read first: the receipt names what they were
            check(path)
        artifact.begin()
        write_hypotheses(
            path,
            chain.from_iterable(clips),
            Header(header.corpus, header.split, header.profile, here, settled.no_gain_on),
            check=artifact.check,
        )
        best = [clip[0] for clip in clips]
        artifact.results = {"clips": len(best), "glosses": sum(len(hypothesis.glosses) for hypothesis in best)}
    return path, best


def export_file(path: Path, kind: str, out: Path | None = None, *, force: bool = False) -> Path:
    """Write a hypotheses file in another format, next to it or to `out`. Returns the path.

    Raises:
        SlaError: `out` exists and `force` is off, another kind of file is there, or the format cannot hold the
            hypotheses.
    """
    force, out = force or out is None, out or path.with_suffix(f".{kind}")
    check = check_output(out, export_like(kind), replace=force)
    write_text(out, export_text(kind, list(read_nbest(path).values())), check=check, keep=True)
    return out


def _settings(settled: Settled) -> dict[str, object]:
    """What determines the hypotheses, apart from emissions and language model; nothing else."""
    options, how = settled.options, {"tuned_on": settled.tuned_on, "no_gain_on": settled.no_gain_on}
    tuned = {key: split for key, split in how.items() if split}
    if options.greedy:
        return {"beam": 1, **tuned}  # the other options have no effect
    unused = {"lm", "max_oov"}  # the digest of the language model is an input
    unused |= set() if options.lm else {"alpha", "beta"}
    unused |= set() if options.hotwords else {"hotwords", "hotword_weight"}
    settings = {**asdict(options), "hotwords": sorted(set(options.hotwords))}
    return {key: value for key, value in settings.items() if key not in unused} | tuned


def _file_name_part(options: BeamOptions) -> str:
    """`greedy`, `beam10`, `beam10-lm`, `beam10-lm-hot`: the options as part of a file name."""
    if options.greedy:
        return "greedy"
    return f"beam{options.beam}" + ("-lm" if options.lm else "") + ("-hot" if options.hotwords else "")
