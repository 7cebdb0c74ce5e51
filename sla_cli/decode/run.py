"""An emissions file into a hypotheses file, with its receipt. Needs no torch."""

from __future__ import annotations

from pathlib import Path

from sla_cli.core.hypothesis import Hypothesis
from sla_cli.decode.lm_file import open_lm, out_of_vocabulary
from sla_cli.decode.split import BeamOptions, decode_split
from sla_cli.errors import some
from sla_cli.formats.emissions import Emissions
from sla_cli.formats.hypotheses import read_hypotheses, write_hypotheses
from sla_cli.formats.receipt import Receipt, already_made, digest_file, renew, write_receipt
from sla_cli.log import log, progress


def decode_file(
    emissions_path: Path,
    folder: Path,
    options: BeamOptions,
    *,
    out: Path | None = None,
    jobs: int = 1,
    force: bool = False,
) -> tuple[Path, list[Hypothesis]]:
    """Decode all clips of an emissions file.

    Args:
        folder: where the hypotheses go under a name made of split and options.
        out: the file to write instead.

    Returns:
        Where the hypotheses lie, and the hypotheses. Current ones are read, not made again.

    Raises:
        SlaError: the language model cannot be read; `out` was made otherwise and `force` is off.
    """
    emissions = Emissions(emissions_path)
    header = emissions.header
    inputs = {"emissions": digest_file(emissions_path)}
    sources = {"store": header.store, "split": header.split, "corpus": header.corpus}
    if options.lm is not None:
        inputs["lm"], sources["lm"] = digest_file(options.lm), str(options.lm.resolve())
    settings = {"beam": options.beam, "alpha": options.alpha, "beta": options.beta}
    receipt = Receipt("decode", settings, inputs, sources=sources)
    name = f"{header.split}-{describe(options)}-{receipt.fingerprint[:6]}.tsv"
    path = out or folder / name
    made = already_made(path, receipt, force=force)
    if made is not None and path.is_file():
        renew(made, path)
        log.info("%s is up to date", path)
        return path, read_hypotheses(path)
    if options.lm is not None:
        _report_oov(options.lm, header.glosses)
    with progress(f"decode {header.split}", len(emissions)) as advance:
        hypotheses = decode_split(emissions, header.glosses, header.stride, options, jobs, advance)
    write_hypotheses(path, hypotheses)
    receipt.results = {"clips": len(hypotheses), "glosses": sum(len(h.glosses) for h in hypotheses)}
    write_receipt(receipt, path)
    return path, hypotheses


def _report_oov(lm: Path, glosses: tuple[str, ...]) -> None:
    unknown = out_of_vocabulary(open_lm(lm), glosses)
    if unknown:
        share = 100 * len(unknown) / len(glosses)
        log.warning(
            "%s does not know %d of %d glosses (%.1f %%): %s", lm, len(unknown), len(glosses), share, some(unknown)
        )


def describe(options: BeamOptions) -> str:
    """`greedy`, `beam10`, `beam10-lm`: the options as part of a file name."""
    if options.lm is None and options.beam == 1:
        return "greedy"
    return f"beam{options.beam}" + ("-lm" if options.lm else "")
